// SPDX-License-Identifier: MIT
// Logs of several machines at once.
#include "cli/log_printer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include <io/sparse_file.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/console/log_reader.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/files.hpp>

#include "cli/log_gaps.hpp"
#include "cli/log_lines.hpp"

namespace vmfleet::cli {

namespace {

/// Where to begin reading. The head of a log whose size is limited has become a hole.
std::uint64_t first_offset(const std::filesystem::path& path, const LogOptions& options) {
  return options.tail ? console::log_tail_start(path, *options.tail) : console::log_start(path);
}

class Follower {
 public:
  Follower(const Context& context, const LogOptions& options, std::filesystem::path path,
           LogFormat format)
      : context_(context),
        follow_(options.follow),
        machine_(format.machine),
        path_(std::move(path)),
        offset_(first_offset(path_, options)),
        lines_(std::move(format)) {}

  Task<void> run(std::filesystem::path directory) {
    const std::uint64_t kept_from = console::log_start(path_);
    if (kept_from > 0 && offset_ <= kept_from) tell_dropped(context_, machine_, offset_);
    if (path_.filename() == instance_file::kSerial) {
      tell_full_disks(context_, directory, kept_from);
    }
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
  /// Up to where it ends now: its guest may print for ever. That needs no watch on the file.
  void print_file() {
    if (::access(path_.c_str(), F_OK) != 0) return;
    const UniqueFd fd = files::open(path_, O_RDONLY);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw errno_error("look at " + path_.string(), errno);
    const auto end = static_cast<std::uint64_t>(status.st_size);
    while (offset_ < end) {
      TailChunk chunk = read_past_holes(fd.get(), offset_, path_);
      if (chunk.data.empty()) break;
      offset_ = chunk.offset + chunk.data.size();
      if (offset_ > end) chunk.data.resize(chunk.offset < end ? end - chunk.offset : 0);
      take(chunk, std::nullopt);
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
    // Written, and dropped, faster than it was read.
    if (chunk.restarted && chunk.offset > 0) tell_dropped(context_, machine_, chunk.offset);
    print(chunk.data, time);
  }

  void print(std::string_view bytes, const std::optional<std::string>& time) {
    const std::string text = lines_.feed(bytes, time);
    if (!text.empty()) context_.out.write(text);
  }

  const Context& context_;
  bool follow_;
  std::string machine_;
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

}  // namespace

Task<void> print_logs(const Context& context, std::vector<std::string> names, LogOptions options) {
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
    format.raw = options.raw;
    format.timestamps = options.timestamps;
    format.open_lines = options.follow && names.size() == 1;
    const auto path = directory / (options.qemu ? instance_file::kQemuErr : instance_file::kSerial);
    followers.push_back(std::make_unique<Follower>(context, options, path, std::move(format)));
    tasks.push_back(followers.back()->run(directory));
  }
  co_await when_all(std::move(tasks));
}

}  // namespace vmfleet::cli
