// SPDX-License-Identifier: MIT
// Starting, finding and ending log keepers.
#include <vmfleet/instance/log_keeper.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include "instance/keeper/descriptors.hpp"

namespace vmfleet {

namespace {

constexpr unsigned char kProgram[] = {
#include "instance/log_keeper_bytes.inc"
};

// Beyond all numbers that the keeper is given.
constexpr int kHighDescriptor = 32;

constexpr const char* kProgramName = "vmfleet-log-keeper";

Error cannot_bound(const std::string& why, int error_number) {
  return errno_error(ErrorKind::unavailable, why, error_number)
      .hint("log.limit is not kept, and logs grow; --state-dir names another place for them");
}

UniqueFd make_executable() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, since Linux 6.3
  UniqueFd made(::memfd_create(kProgramName, MFD_CLOEXEC | kExecutable));
  if (!made && errno == EINVAL) made = UniqueFd(::memfd_create(kProgramName, MFD_CLOEXEC));
  if (!made) throw cannot_bound("make the log keeper's program (sysctl vm.memfd_noexec)", errno);
  return made;
}

/// The program as a file that has no name and nobody can change.
UniqueFd keeper_program() {
  const UniqueFd made = make_executable();
  files::write_all(made.get(),
                   std::string_view(reinterpret_cast<const char*>(kProgram), sizeof kProgram),
                   "the log keeper's program");
  UniqueFd high(::fcntl(made.get(), F_DUPFD_CLOEXEC, kHighDescriptor));
  if (!high) throw cannot_bound("make the log keeper's program", errno);
  return high;
}

/// Others may lock the log too. *Source*: proc(5), /proc/PID/exe.
bool runs_program(pid_t pid) {
  std::error_code none;
  const auto program = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), none);
  return program.string().rfind(fmt::format("/memfd:{}", kProgramName), 0) == 0;
}

UniqueFd open_wire(const InstanceDirectory& directory, const char* name, int flags) {
  UniqueFd fd(::openat(directory.fd(), name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) throw errno_error("open " + directory.file(name).string(), errno);
  return fd;
}

std::optional<Error> problem_of(int folder, int file) {
  if (::fcntl(folder, F_NOTIFY, 0) != 0) {
    return cannot_bound("be told of changes in a folder (sysctl fs.dir-notify-enable)", errno);
  }
  constexpr int kHole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  constexpr off_t kWhereNothingIs = off_t{1} << 40;
  if (::fallocate(file, kHole, kWhereNothingIs, 4096) == 0) return std::nullopt;
  return cannot_bound("free the oldest part of a log on this file system", errno);
}

}  // namespace

std::optional<Error> log_limit_problem(int folder) {
  const UniqueFd file(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return cannot_bound("make a file to try it with", errno);
  try {
    make_executable();
  } catch (const Error& error) {
    return error;
  }
  return problem_of(folder, file.get());
}

Process start_log_keeper(Loop& loop, const InstanceDirectory& directory, const Pidfd& qemu,
                         Bytes limit, bool dies_with_owner) {
  const UniqueFd full_disk = open_wire(directory, instance_file::kFullDisk, O_WRONLY | O_APPEND);
  const UniqueFd serial = open_wire(directory, instance_file::kSerial, O_RDWR);
  const UniqueFd events = open_wire(directory, instance_file::kEvents, O_RDWR);
  const UniqueFd errors = open_wire(directory, instance_file::kQemuErr, O_RDWR);
  if (auto problem = problem_of(directory.fd(), serial.get())) throw *std::move(problem);
  const UniqueFd program = keeper_program();
  ProcessOptions options(
      {"vmfleet-log-keeper", std::to_string(limit.count()), directory.path().string()});
  options.program = fmt::format("/proc/self/fd/{}", program.get());
  options.environment.emplace();
  options.directory = "/";
  options.new_session = true;
  options.dies_with_owner = dies_with_owner;
  options.descriptors = {{keeper::kQemu, qemu.fd()},           {keeper::kFolder, directory.fd()},
                         {keeper::kFullDisk, full_disk.get()}, {keeper::kSerial, serial.get()},
                         {keeper::kSerial + 1, events.get()},  {keeper::kSerial + 2, errors.get()}};
  static_assert(keeper::kLogs == 3, "all are given");
  return Process::spawn(loop, options);
}

std::optional<Pidfd> find_log_keeper(const InstanceDirectory& directory) {
  const UniqueFd serial(
      ::openat(directory.fd(), instance_file::kSerial, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const auto holder = [&]() -> pid_t {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(serial.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
    return lock.l_pid;
  };
  const pid_t pid = serial ? holder() : 0;
  if (pid <= 0) return std::nullopt;
  auto keeper = Pidfd::open(pid);
  // Asked again: now the number cannot come to mean another process.
  if (!keeper || !runs_program(pid) || holder() != pid || keeper->ended()) return std::nullopt;
  return keeper;
}

Task<void> end_log_keeper(const Pidfd& keeper) {
  constexpr Milliseconds kPatience(1'000);
  try {
    const bool ended = co_await keeper.ends_within(kPatience);
    if (ended) co_return;
    keeper.signal(SIGKILL);
    co_await keeper.ends_within(kPatience);
  } catch (const Error&) {
    // It ends with QEMU by itself, and holds nothing that anybody waits for.
  }
}

Task<void> end_log_keeper(const InstanceDirectory& directory) {
  const auto keeper = find_log_keeper(directory);
  if (keeper) co_await end_log_keeper(*keeper);
}

std::string to_string(const FullDisk& full) {
  return fmt::format(
      "the disk was full after byte {} of {}: what the guest wrote until there was room is missing",
      full.offset, instance_file::kSerial);
}

std::vector<FullDisk> read_full_disks(const InstanceDirectory& directory) {
  std::vector<FullDisk> moments;
  const std::string text =
      files::read_end(directory.file(instance_file::kFullDisk), Bytes(64 * 1024));
  for (const std::string_view line : split(text, '\n')) {
    FullDisk moment;
    const char* const end = line.data() + line.size();
    const auto offset = std::from_chars(line.data(), end, moment.offset);
    if (offset.ec != std::errc() || offset.ptr == end) continue;
    if (std::from_chars(offset.ptr + 1, end, moment.at_ms).ec == std::errc()) {
      moments.push_back(moment);
    }
  }
  return moments;
}

}  // namespace vmfleet
