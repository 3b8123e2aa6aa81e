// SPDX-License-Identifier: MIT
// vmfleet cp: a file to a machine or from one, by ssh and `cat`: small guests have no more.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/ssh_target.hpp"

namespace vmfleet::cli {

namespace {

struct CopyArguments {
  CopyArguments() = default;
  std::string source;
  std::string target;
};

/// `NAME:path`, or a path here: one with a colon needs a slash before it, as for scp.
struct Place {
  explicit Place(const std::string& text) : path(text) {
    const auto colon = text.find(':');
    if (colon == 0 || colon == std::string::npos || text.find('/') < colon) return;
    machine = text.substr(0, colon);
    path = text.substr(colon + 1);
  }

  std::string machine;  ///< empty: this host
  std::string path;
};

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

/// Runs a script with arguments in the guest, on these descriptors.
Task<void> run_script(SshTarget target, std::vector<std::string> arguments, std::string script,
                      int input, int output) {
  Loop& loop = co_await current_loop();
  arguments.insert(arguments.begin(), {"sh", "-c", std::move(script), "sh"});
  std::vector<std::string> line{shell_join(arguments)};
  ProcessOptions options(ssh_command(target, line));
  if (input >= 0) options.descriptors.emplace_back(0, input);
  if (output >= 0) options.descriptors.emplace_back(1, output);
  options.descriptors.emplace_back(2, STDERR_FILENO);
  options.dies_with_owner = true;
  Process process = Process::spawn(loop, options);
  const ExitStatus status = co_await process.wait();
  if (status.success()) co_return;
  throw Error(ErrorKind::unavailable, fmt::format("nothing was copied: ssh to {} ended with {}",
                                                  target.name, status.describe()));
}

Task<void> upload(const std::string& source, SshTarget target, const std::string& path) {
  const UniqueFd file = files::open(source, O_RDONLY);
  struct stat status {};
  ::fstat(file.get(), &status);
  if (S_ISDIR(status.st_mode)) {
    throw Error(ErrorKind::invalid_config, fmt::format("{} is a folder", sanitize(source)))
        .hint(fmt::format("tar -c FOLDER | vmfleet ssh {} -- tar -x", target.name));
  }
  std::vector<std::string> arguments{path.empty() ? "." : path, file_name(source),
                                     fmt::format("{:o}", status.st_mode & 0777)};
  co_await run_script(std::move(target), std::move(arguments),
                      R"(p=$1; [ ! -d "$p" ] || p=$p/$2; cat >"$p" && chmod "$3" "$p")", file.get(),
                      -1);
}

/// A file that takes its place when it is whole.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path)
      : path_(std::move(path)), part_(path_.string() + fmt::format(".part-{}", ::getpid())) {
    file_ = files::open(part_, O_WRONLY | O_CREAT | O_EXCL, 0666);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() { ::unlink(part_.c_str()); }

  [[nodiscard]] int fd() const { return file_.get(); }
  void take_place() const {
    if (::rename(part_.c_str(), path_.c_str()) != 0) {
      throw errno_error("write " + path_.string(), errno);
    }
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path part_;
  UniqueFd file_;
};

Task<void> download(SshTarget source, const std::string& path, const std::string& target) {
  std::vector<std::string> arguments{path};
  std::string script = R"(exec cat "$1")";
  std::error_code ignored;
  std::filesystem::path place = target;
  if (std::filesystem::is_directory(place, ignored)) place /= file_name(path);
  const bool special =
      std::filesystem::exists(place, ignored) && !std::filesystem::is_regular_file(place, ignored);
  if (special) {
    const UniqueFd file = files::open(place, O_WRONLY);
    co_await run_script(std::move(source), std::move(arguments), std::move(script), -1, file.get());
    co_return;
  }
  const NewFile file(place);
  co_await run_script(std::move(source), std::move(arguments), std::move(script), -1, file.fd());
  file.take_place();
}

Task<int> copy(Context& context, const CopyArguments& arguments) {
  const Place source(arguments.source);
  const Place target(arguments.target);
  if (source.machine.empty() == target.machine.empty()) {
    throw Error(ErrorKind::invalid_config, "one of SRC and DST must be of a machine, NAME:path")
        .hint("vmfleet cp config.json web-0:/etc/, or vmfleet cp web-0:/var/log/web.log .");
  }
  if (source.machine.empty()) {
    co_await upload(source.path, find_ssh_target(context.directory_of(target.machine)),
                    target.path);
  } else {
    co_await download(find_ssh_target(context.directory_of(source.machine)), source.path,
                      target.path);
  }
  co_return kDone;
}

}  // namespace

void add_cp(Program& program) {
  auto arguments = std::make_shared<CopyArguments>();
  CLI::App& app = program.command(group::kMachine, "cp", "copy a file to or from a machine");
  add_positional(app, "SRC", arguments->source, Presence::required, "a file, or NAME:path");
  add_positional(app, "DST", arguments->target, Presence::required,
                 "NAME:path, or a file; or a folder on either side");
  set_footer(app, "vmfleet cp config.json web-0:/etc/\nvmfleet cp web-0:/var/log/messages .");
  program.runs(app, [arguments](Context& context) { return copy(context, *arguments); });
}

}  // namespace vmfleet::cli
