// SPDX-License-Identifier: MIT
// vmfleet cp: a file to a machine or from one, by ssh and `cat`: small guests have no more.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/guest_streams.hpp"
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
Task<void> run_script(const Context& context, SshTarget target, std::vector<std::string> arguments,
                      std::string script, int input, int output) {
  Loop& loop = co_await current_loop();
  arguments.insert(arguments.begin(), {"sh", "-c", std::move(script), "sh"});
  std::vector<std::string> line{shell_join(arguments)};
  ProcessOptions options(ssh_command(target, line));
  if (input >= 0) options.descriptors.emplace_back(0, input);
  if (output >= 0) options.descriptors.emplace_back(1, output);
  options.descriptors.emplace_back(2, STDERR_FILENO);
  options.dies_with_owner = true;
  GuestStreams guest(context, false);
  guest.put_between(options);
  Process process = Process::spawn(loop, options);
  const ExitStatus status = co_await guest.wait(process);
  if (status.success()) co_return;
  throw Error(ErrorKind::unavailable, fmt::format("not copied whole: ssh to {} ended with {}",
                                                  target.name, status.describe()));
}

/// A pipe without a writer would be waited for in open(2), on the loop's thread.
UniqueFd open_source(const std::string& source, const std::string& machine, struct stat& status) {
  std::error_code ignored;
  if (std::filesystem::status(source, ignored).type() == std::filesystem::file_type::not_found) {
    throw Error(ErrorKind::invalid_config, fmt::format("there is no file {}", sanitize(source)));
  }
  UniqueFd file = files::open(source, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (::fstat(file.get(), &status) != 0) throw errno_error("read " + sanitize(source), errno);
  if (S_ISREG(status.st_mode)) return file;
  const bool folder = S_ISDIR(status.st_mode);
  const char* hint = folder ? "tar -c FOLDER | vmfleet ssh {} -- tar -x"
                            : "COMMAND | vmfleet ssh {} -- 'cat >FILE'";
  throw Error(ErrorKind::invalid_config,
              fmt::format("{} is {}", sanitize(source), folder ? "a folder" : "no regular file"))
      .hint(fmt::format(fmt::runtime(hint), machine));
}

Task<void> upload(const Context& context, const std::string& source, SshTarget target,
                  const std::string& path) {
  struct stat status {};
  const UniqueFd file = open_source(source, target.name, status);
  std::vector<std::string> arguments{path.empty() ? "." : path, file_name(source),
                                     fmt::format("{:o}", status.st_mode & 0777)};
  // A file that is there keeps its mode; of a new one nobody reads the first bytes, either.
  co_await run_script(context, std::move(target), std::move(arguments),
                      R"(p=$1; [ ! -d "$p" ] || p=$p/$2; [ ! -e "$p" ] || exec cat >"$p"
umask 077; cat >"$p" && chmod -- "$3" "$p")",
                      file.get(), -1);
}

/// How the guest tells a file's mode: behind its content, as `ls` writes it, "-rw-r--r--".
constexpr std::size_t kModeLength = 10;
constexpr const char* kDownload =
    R"(cat <"$1" && { m=$(ls -ldL -- "$1" 2>/dev/null); printf %-10.10s "$m"; })";

/// Closed to others when it cannot be read: not every guest has `ls`.
mode_t mode_from(std::string_view text) {
  constexpr mode_t kClosed = 0600;
  mode_t mode = 0;
  for (std::size_t i = 1; i < kModeLength; ++i) {
    const char c = text[i];
    if (std::string_view("-rwxsStT").find(c) == std::string_view::npos) return kClosed;
    if (std::string_view("rwxst").find(c) != std::string_view::npos) mode |= 0400U >> (i - 1);
  }
  return mode;
}

/// A file that takes its place when it is whole. Until then nobody else reads it.
class NewFile {
 public:
  /// With the mode and the owner of the one that it replaces, if there is one.
  NewFile(std::filesystem::path path, const struct stat* old)
      : path_(std::move(path)),
        part_(path_.string() + fmt::format(".part-{}", ::getpid())),
        replaces_(old != nullptr) {
    file_ = files::open(part_, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!replaces_) return;
    // Only root can give it to somebody else.
    const bool given = ::fchown(file_.get(), old->st_uid, old->st_gid) == 0;
    ::fchmod(file_.get(), old->st_mode & (given ? 0777U : 0707U));
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() { ::unlink(part_.c_str()); }

  [[nodiscard]] int fd() const { return file_.get(); }
  /// Cuts off what the guest says of its mode; a new file gets that, as far as `umask` allows it.
  void take_mode(mode_t umask) const {
    std::array<char, kModeLength> text{};
    const off_t end = ::lseek(file_.get(), 0, SEEK_END) - off_t{kModeLength};
    if (end < 0 || ::pread(file_.get(), text.data(), text.size(), end) != ssize_t{kModeLength}) {
      throw Error(ErrorKind::protocol, "not copied whole: its end did not come");
    }
    if (::ftruncate(file_.get(), end) != 0) throw errno_error("write " + part_.string(), errno);
    if (replaces_) return;
    const mode_t mode = mode_from(std::string_view(text.data(), text.size())) & ~umask;
    if (::fchmod(file_.get(), mode) != 0) throw errno_error("write " + part_.string(), errno);
  }
  void take_place() const {
    if (::rename(part_.c_str(), path_.c_str()) != 0) {
      throw errno_error("write " + path_.string(), errno);
    }
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path part_;
  bool replaces_;
  UniqueFd file_;
};

/// The file that links lead to, which need not exist.
std::filesystem::path follow_links(std::filesystem::path path) {
  constexpr int kMostLinks = 40;  // as many as the kernel follows
  std::error_code ignored;
  for (int i = 0; std::filesystem::is_symlink(path, ignored); ++i) {
    if (i == kMostLinks) throw errno_error("write " + path.string(), ELOOP);
    path = path.parent_path() / std::filesystem::read_symlink(path);
  }
  return path;
}

/// Absent when there is no such file. A pipe that nobody reads is an error.
std::optional<UniqueFd> open_existing(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  UniqueFd file = files::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  ::fcntl(file.get(), F_SETFL, O_WRONLY);  // for ssh, which is another process
  return file;
}

Task<void> download(const Context& context, SshTarget source, const std::string& path,
                    const std::string& target) {
  const mode_t mask = ::umask(077);  // to be known it must be set
  std::vector<std::string> arguments{path};
  std::filesystem::path place = target;
  std::error_code ignored;
  if (std::filesystem::is_directory(place, ignored)) place /= file_name(path);
  const auto old = open_existing(place);
  struct stat status {};
  if (old && ::fstat(old->get(), &status) != 0) throw errno_error("write " + place.string(), errno);
  if (old && !S_ISREG(status.st_mode)) {
    co_await run_script(context, std::move(source), std::move(arguments), R"(exec cat <"$1")", -1,
                        old->get());
    co_return;
  }
  const NewFile file(follow_links(place), old ? &status : nullptr);
  co_await run_script(context, std::move(source), std::move(arguments), kDownload, -1, file.fd());
  file.take_mode(mask);
  file.take_place();
}

Task<int> copy(Context& context, const CopyArguments& arguments) {
  const Place source(arguments.source);
  const Place target(arguments.target);
  if (!source.machine.empty() && !target.machine.empty()) {
    throw Error(ErrorKind::invalid_config, "from one machine to another goes by way of this host")
        .hint("copy to a file here, then to the other machine");
  }
  if (source.machine.empty() && target.machine.empty()) {
    throw Error(ErrorKind::invalid_config, "one of SRC and DST must be of a machine, NAME:path")
        .hint("vmfleet cp config.json web-0:/etc/, or vmfleet cp web-0:/var/log/web.log .");
  }
  if (source.machine.empty()) {
    co_await upload(context, source.path, find_ssh_target(context.directory_of(target.machine)),
                    target.path);
  } else {
    co_await download(context, find_ssh_target(context.directory_of(source.machine)), source.path,
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
