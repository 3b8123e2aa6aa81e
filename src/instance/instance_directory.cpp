// SPDX-License-Identifier: MIT
// Making, opening and removing instance directories without following links.
#include <vmfleet/instance/instance_directory.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/state_root.hpp>

#include "instance/foreign_files.hpp"

namespace vmfleet {

namespace {

using namespace instance_file;

constexpr std::array kWires = {kAlive,  kPid,      kControl,  kQmp,       kMonitor,
                               kAgent,  kIdentity, kGdb,      kEvents,    kEventsIn,
                               kSerial, kFullDisk, kSerialIn, kSerialOut, kQemuErr};
constexpr std::array kRecords = {kIntent, kState, kDisks, kLock};

UniqueFd open_directory(int parent, const std::filesystem::path& name,
                        const std::filesystem::path& whole) {
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && (errno == ELOOP || errno == ENOTDIR)) {
    throw Error(ErrorKind::conflict, fmt::format("{} is not a directory", whole.string()))
        .hint("a link or file stands where vmfleet keeps its state; move it away");
  }
  if (!fd) throw errno_error("open " + whole.string(), errno);
  return fd;
}

struct stat status_of(int fd, const std::filesystem::path& whole) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw errno_error("inspect " + whole.string(), errno);
  return status;
}

Error of_another_user(const std::filesystem::path& whole) {
  return Error(ErrorKind::conflict, fmt::format("{} belongs to another user", whole.string()))
      .hint("choose another directory with --state-dir, or be that user");
}

Error open_to_others(const std::filesystem::path& whole) {
  return Error(ErrorKind::conflict, fmt::format("others may write to {}", whole.string()))
      .hint(fmt::format("see what is there, then: chmod go-w {}", shell_quote(whole.string())));
}

void require_own(const struct stat& status, const std::filesystem::path& whole) {
  if (status.st_uid != ::geteuid()) throw of_another_user(whole);
}

/// What records say is run: nobody else may have put them there.
UniqueFd open_own(int parent, const std::filesystem::path& name,
                  const std::filesystem::path& whole) {
  UniqueFd fd = open_directory(parent, name, whole);
  const struct stat status = status_of(fd.get(), whole);
  require_own(status, whole);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) throw open_to_others(whole);
  return fd;
}

/// The folder of fleets; it may be the system's, as /tmp is. Of what others put there nothing is
/// taken for ours.
UniqueFd open_root(const std::filesystem::path& root) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw errno_error("open " + root.string(), errno);
  const struct stat status = status_of(fd.get(), root);
  if (status.st_uid != 0) require_own(status, root);
  const bool keeps_apart = (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & S_IWOTH) != 0 && !keeps_apart) throw open_to_others(root);
  return fd;
}

void require_private(int fd, const std::filesystem::path& whole) {
  const struct stat status = status_of(fd, whole);
  require_own(status, whole);
  if ((status.st_mode & 077) != 0 && ::fchmod(fd, 0700) != 0) {
    throw errno_error("close to others: " + whole.string(), errno);
  }
}

UniqueFd make_directory(int parent, const std::string& name, const std::filesystem::path& whole) {
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) {
    throw errno_error("make " + whole.string(), errno);
  }
  UniqueFd fd = open_directory(parent, name, whole);
  require_private(fd.get(), whole);
  return fd;
}

void require_component(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos || name.size() > 255) {
    throw Error(ErrorKind::invalid_config, fmt::format("'{}' is not a name", sanitize(name)))
        .hint("use letters, digits, '.', '_' and '-'");
  }
}

void unlink_known(int fd, const char* name, const std::filesystem::path& folder) {
  if (::unlinkat(fd, name, 0) != 0 && errno != ENOENT) {
    throw errno_error(fmt::format("remove {}/{}", folder.string(), name), errno);
  }
}

/// All of them: who cannot see what is there takes nothing for empty.
std::vector<std::string> entries(int fd, const std::filesystem::path& whole) {
  UniqueFd own(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw errno_error("look into " + whole.string(), errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(own.get()), &::closedir);
  if (!directory) throw errno_error("look into " + whole.string(), errno);
  static_cast<void>(own.release());
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) throw errno_error("look into " + whole.string(), errno);
  return names;
}

/// What replacing a record through a temporary file, or setting a damaged one aside, can leave:
/// `state.json.XXXXXX`, `state.json.corrupt`.
bool is_remnant(const std::string& name) {
  constexpr std::string_view kTemporary = ".XXXXXX";
  return std::any_of(kRecords.begin(), kRecords.end(), [&](const std::string& record) {
    if (name.compare(0, record.size(), record) != 0) return false;
    const std::string_view rest = std::string_view(name).substr(record.size());
    return rest == ".corrupt" || (rest.size() == kTemporary.size() && rest[0] == '.');
  });
}

/// What an earlier start made to be put into the guest: made anew at every start.
bool is_injected(const std::string& name) {
  constexpr std::string_view kNumbered = "inject";
  if (name == kEntropy || name == kCloudDisk) return true;
  for (const std::string boot : {kKernel, kInitrd}) {
    if (name == boot || name == boot + ".part") return true;
  }
  return name.size() > kNumbered.size() && name.compare(0, kNumbered.size(), kNumbered) == 0 &&
         name.find_first_not_of("0123456789", kNumbered.size()) == std::string::npos;
}

template <class Names>
bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_record(const std::string& name) {
  return is_remnant(name) || (name != kLock && contains(kRecords, name));
}

/// Written by us, perhaps damaged since: what its name alone does not prove.
bool is_own_record(int fd, const std::string& name) {
  constexpr std::string_view kBegin = R"({"schema":"vmfleet.)";
  if (!is_record(name)) return false;
  const UniqueFd file(::openat(fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, kBegin.size()> begin{};
  return file && ::read(file.get(), begin.data(), begin.size()) == ssize_t{begin.size()} &&
         std::string_view(begin.data(), begin.size()) == kBegin;
}

/// A file that may go with the machine: nothing that holds other files, nor that somebody else
/// owns.
bool is_plain_file(int fd, const std::string& name) {
  struct stat status {};
  if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  return !S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

/// Invalid when there is none.
UniqueFd open_folder(int parent, const std::string& name, const std::filesystem::path& whole) {
  UniqueFd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const bool none = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
  if (!folder && !none) throw errno_error("open " + (whole / name).string(), errno);
  return folder;
}

/// The folders of ours in an instance directory: where QEMU runs, and leaves what it writes to a
/// relative path, a core dump too; and one for each snapshot.
std::vector<std::filesystem::path> own_folders(int fd, const std::filesystem::path& whole) {
  std::vector<std::filesystem::path> folders{kWorkingDirectory};
  const UniqueFd snapshots = open_folder(fd, kSnapshots, whole);
  if (!snapshots) return folders;
  for (const auto& name : entries(snapshots.get(), whole / kSnapshots)) {
    folders.push_back(std::filesystem::path(kSnapshots) / name);
  }
  return folders;
}

/// `folder`: as of `own_folders`. Invalid when there is none.
UniqueFd open_own_folder(int fd, const std::filesystem::path& folder,
                         const std::filesystem::path& whole) {
  const auto parent = folder.parent_path();
  if (parent.empty()) return open_folder(fd, folder, whole);
  const UniqueFd above = open_folder(fd, parent, whole);
  return above ? open_folder(above.get(), folder.filename(), whole / parent) : UniqueFd();
}

/// What is in an instance directory, and whose that is.
class Contents {
 public:
  Contents(int fd, const std::filesystem::path& whole, const std::vector<std::string>& staged)
      : fd_(fd), whole_(whole), staged_(staged), names_(entries(fd, whole)) {
    const auto own = [fd](const std::string& name) { return is_own_record(fd, name); };
    proven_ = std::any_of(names_.begin(), names_.end(), own);
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool is_proven() const { return proven_; }
  /// Of a machine whose first record was not written yet.
  [[nodiscard]] bool is_bare() const {
    return std::all_of(names_.begin(), names_.end(),
                       [](const std::string& name) { return name == kLock; });
  }
  [[nodiscard]] bool is_recorded() const {
    return std::any_of(names_.begin(), names_.end(), &is_record);
  }

  /// What is not ours by its name.
  [[nodiscard]] std::vector<std::string> unknown() const {
    std::vector<std::string> unknown = names_;
    std::erase_if(unknown, [this](const std::string& name) { return is_known(name); });
    return unknown;
  }

  /// What users and their tools put beside our files goes with them, but only where a record proves
  /// that this is a machine's directory.
  [[nodiscard]] std::vector<std::string> foreign() const {
    std::vector<std::string> foreign;
    for (const auto& name : names_) {
      if (!is_known(name) && !(proven_ && is_plain_file(fd_, name))) foreign.push_back(name);
    }
    for (const auto& folder : own_folders(fd_, whole_)) {
      const UniqueFd opened = open_own_folder(fd_, folder, whole_);
      if (!opened && folder != kWorkingDirectory) foreign.push_back(folder);
      if (!opened) continue;
      for (const auto& name : entries(opened.get(), whole_ / folder)) {
        const bool ours = proven_ && is_plain_file(opened.get(), name);
        if (!ours) foreign.push_back(folder / name);
      }
    }
    return foreign;
  }

 private:
  [[nodiscard]] bool is_known(const std::string& name) const {
    return is_remnant(name) || is_injected(name) || contains(kWires, name) ||
           contains(kRecords, name) || contains(staged_, name) || name == kWorkingDirectory ||
           name == kSnapshots;
  }

  int fd_;
  const std::filesystem::path& whole_;
  const std::vector<std::string>& staged_;
  std::vector<std::string> names_;
  bool proven_ = false;
};

/// Proof that the directory is an instance's, before anything in it is touched.
void require_ours(const Contents& contents, const std::filesystem::path& whole) {
  const auto foreign = contents.foreign();
  if (foreign.empty() && (contents.is_recorded() || contents.is_bare())) return;
  throw Error(ErrorKind::conflict,
              foreign.empty()
                  ? fmt::format("{} has no record of a machine", whole.string())
                  : fmt::format("{} holds files that are not vmfleet's", whole.string()))
      .hint("nothing there was removed; move them away, or remove the directory yourself")
      .evidence_lines(foreign);
}

}  // namespace

std::vector<std::string> foreign_files(const InstanceDirectory& directory,
                                       const std::vector<std::string>& staged_files) {
  return Contents(directory.fd(), directory.path(), staged_files).unknown();
}

bool is_proven(const InstanceDirectory& directory) {
  const std::vector<std::string> nothing_staged;
  return Contents(directory.fd(), directory.path(), nothing_staged).is_proven();
}

InstanceDirectory::InstanceDirectory(std::filesystem::path path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

InstanceDirectory InstanceDirectory::create(const std::filesystem::path& root,
                                            const std::string& fleet, const std::string& machine) {
  require_component(fleet);
  require_component(machine);
  const auto base = std::filesystem::absolute(root);
  make_state_root(base);
  const UniqueFd root_fd = open_root(base);
  const UniqueFd fleet_fd = make_directory(root_fd.get(), fleet, base / fleet);
  auto path = base / fleet / machine;
  UniqueFd fd = make_directory(fleet_fd.get(), machine, path);
  return InstanceDirectory(std::move(path), std::move(fd));
}

InstanceDirectory InstanceDirectory::open(const std::filesystem::path& path) {
  auto whole = std::filesystem::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const auto fleet = whole.parent_path();
  const UniqueFd root_fd = open_root(fleet.parent_path());
  const UniqueFd fleet_fd = open_own(root_fd.get(), fleet.filename(), fleet);
  UniqueFd fd = open_own(fleet_fd.get(), whole.filename(), whole);
  return InstanceDirectory(std::move(whole), std::move(fd));
}

bool InstanceDirectory::has_records() const {
  const auto names = entries(fd_.get(), path_);
  return std::any_of(names.begin(), names.end(), &is_record);
}

std::vector<std::string> InstanceDirectory::remnants() const {
  auto names = entries(fd_.get(), path_);
  std::erase_if(names, [](const std::string& name) { return !is_remnant(name); });
  return names;
}

void InstanceDirectory::hold() const {
  if (::flock(fd_.get(), LOCK_SH | LOCK_NB) == 0) return;
  throw errno_error(ErrorKind::conflict, "hold " + path_.string(), errno);
}

bool InstanceDirectory::is_held() const {
  // Of its own: a lock of this object's would be given up.
  const UniqueFd fd(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw errno_error("look at " + path_.string(), errno);
  return ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
}

void InstanceDirectory::require_ours_or_bare() const {
  const std::vector<std::string> nothing_staged;
  const Contents contents(fd_.get(), path_, nothing_staged);
  if (!contents.is_proven()) require_ours(contents, path_);
}

void InstanceDirectory::remove_injected() const {
  for (const auto& name : entries(fd_.get(), path_)) {
    if (is_injected(name)) unlink_known(fd_.get(), name.c_str(), path_);
  }
}

void InstanceDirectory::remove_wires() const {
  for (const char* name : kWires) unlink_known(fd_.get(), name, path_);
  if (::unlinkat(fd_.get(), kWorkingDirectory, AT_REMOVEDIR) == 0) return;
  // What QEMU has left in it is kept until the machine is removed.
  const bool stays = errno == ENOENT || errno == ENOTEMPTY || errno == ENOTDIR;
  if (!stays) throw errno_error("remove " + (path_ / kWorkingDirectory).string(), errno);
}

void InstanceDirectory::remove(const std::vector<std::string>& staged_files) const {
  const Contents contents(fd_.get(), path_, staged_files);
  require_ours(contents, path_);
  for (const auto& folder : own_folders(fd_.get(), path_)) {
    const UniqueFd opened = open_own_folder(fd_.get(), folder, path_);
    if (!opened) continue;
    for (const auto& name : entries(opened.get(), path_ / folder)) {
      unlink_known(opened.get(), name.c_str(), path_ / folder);
    }
    ::unlinkat(fd_.get(), folder.c_str(), AT_REMOVEDIR);
  }
  ::unlinkat(fd_.get(), kSnapshots, AT_REMOVEDIR);
  remove_wires();
  for (const auto& name : contents.names()) {
    if (!contains(kRecords, name)) unlink_known(fd_.get(), name.c_str(), path_);
  }
  // The lock goes last: until then no other command can begin to use the directory.
  for (const char* name : kRecords) unlink_known(fd_.get(), name, path_);
  // What somebody put there since then stays, and so does the directory.
  const UniqueFd fleet_fd(::openat(fd_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fleet_fd) throw errno_error("open the folder of " + path_.string(), errno);
  if (::unlinkat(fleet_fd.get(), path_.filename().c_str(), AT_REMOVEDIR) == 0) return;
  if (errno != ENOENT && errno != ENOTEMPTY) throw errno_error("remove " + path_.string(), errno);
}

}  // namespace vmfleet
