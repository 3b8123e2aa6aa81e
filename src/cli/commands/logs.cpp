// SPDX-License-Identifier: MIT
// vmfleet logs: what the guests wrote on their serial consoles.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <vmfleet/async/when.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/files.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/each_machine.hpp"
#include "cli/error_printer.hpp"
#include "cli/exit_code.hpp"
#include "cli/log_lines.hpp"
#include "cli/log_tail.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct LogArguments {
  LogArguments() = default;
  std::vector<std::string> names;
  bool follow = false;
  std::optional<std::size_t> tail;
  bool raw = false;
  bool qemu = false;
  bool timestamps = false;
};

/// Where to begin reading. The head of a log whose size is limited has become a hole.
std::uint64_t first_offset(const std::filesystem::path& path, const LogArguments& arguments) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return 0;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (arguments.tail && *arguments.tail == 0) return size;
  if (arguments.tail) return offset_of_last_lines(path, *arguments.tail);
  const UniqueFd fd = files::open(path, O_RDONLY);
  const off_t data = ::lseek(fd.get(), 0, SEEK_DATA);
  return data > 0 ? static_cast<std::uint64_t>(data) : 0;
}

class Follower {
 public:
  Follower(const Context& context, const LogArguments& arguments, std::filesystem::path path,
           LogFormat format)
      : context_(context),
        follow_(arguments.follow),
        path_(std::move(path)),
        offset_(first_offset(path_, arguments)),
        lines_(std::move(format)) {}

  Task<void> run(std::filesystem::path directory) {
    if (!follow_) {
      print_file();
      co_return;
    }
    Loop& loop = co_await current_loop();
    FileTail tail(loop, path_, offset_);
    drain(tail, std::nullopt);
    co_await when_any(print_new(tail), wait_until_ended(std::move(directory)));
    drain(tail, timestamp_now());
    context_.out.write(lines_.finish());
  }

 private:
  // A finished reading needs no watch on the file.
  void print_file() {
    if (::access(path_.c_str(), F_OK) != 0) return;
    const UniqueFd fd = files::open(path_, O_RDONLY);
    std::array<char, 64 * 1024> block;
    for (;;) {
      const ssize_t count =
          ::pread(fd.get(), block.data(), block.size(), static_cast<off_t>(offset_));
      if (count <= 0) break;
      offset_ += static_cast<std::uint64_t>(count);
      print(std::string_view(block.data(), static_cast<std::size_t>(count)), std::nullopt);
    }
    context_.out.write(lines_.finish());
  }

  Task<void> print_new(FileTail& tail) {
    for (;;) {
      const TailChunk chunk = co_await tail.next();
      take(chunk, timestamp_now());
    }
  }

  void drain(FileTail& tail, const std::optional<std::string>& time) {
    for (TailChunk chunk = tail.poll(); !chunk.data.empty(); chunk = tail.poll()) take(chunk, time);
  }

  void take(const TailChunk& chunk, const std::optional<std::string>& time) {
    if (chunk.restarted) context_.out.write(lines_.finish());
    print(chunk.data, time);
  }

  void print(std::string_view bytes, const std::optional<std::string>& time) {
    const std::string text = lines_.feed(bytes, time);
    if (!text.empty()) context_.out.write(text);
  }

  const Context& context_;
  bool follow_;
  std::filesystem::path path_;
  std::uint64_t offset_;
  LogLines lines_;
};

std::string prefix_of(const Context& context, const std::string& name, std::size_t index,
                      std::size_t width) {
  constexpr std::array<std::string_view, 6> kColors = {"36", "33", "32", "35", "34", "31"};
  return context.out.paint(fmt::format("{:<{}} |", name, width), kColors[index % kColors.size()]) +
         " ";
}

Task<int> logs(Context& context, const LogArguments& arguments) {
  context.streams = true;
  const auto names = context.select(arguments.names);
  std::size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  std::vector<std::unique_ptr<Follower>> followers;
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto directory = context.directory_of(names[i]);
    LogFormat format;
    format.machine = names[i];
    if (names.size() > 1) format.prefix = prefix_of(context, names[i], i, width);
    format.json = context.globals.json;
    format.raw = arguments.raw;
    format.timestamps = arguments.timestamps;
    format.open_lines = arguments.follow && names.size() == 1;
    const auto path =
        directory / (arguments.qemu ? instance_file::kQemuErr : instance_file::kSerial);
    followers.push_back(std::make_unique<Follower>(context, arguments, path, std::move(format)));
    tasks.push_back(followers.back()->run(directory));
  }
  co_await when_all(std::move(tasks));
  co_return kDone;
}

}  // namespace

void add_logs(Program& program) {
  auto arguments = std::make_shared<LogArguments>();
  CLI::App& app =
      program.command(group::kLook, "logs", "what guests wrote on their serial consoles");
  add_names(app, arguments->names);
  add_flag(app, "-f,--follow", arguments->follow, "go on until the machines end");
  add_count(app, "--tail", arguments->tail, 0, 1'000'000'000, "", "only the last N lines");
  add_flag(app, "--timestamps", arguments->timestamps, "when each line was read, while following");
  add_flag(app, "--raw", arguments->raw, "bytes as they are, escape sequences too");
  add_flag(app, "--qemu", arguments->qemu, "what QEMU itself printed");
  program.runs(app, [arguments](Context& context) { return logs(context, *arguments); });
}

}  // namespace vmfleet::cli
