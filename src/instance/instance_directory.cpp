// SPDX-License-Identifier: MIT
// Making, opening and removing instance directories without following links.
#include <vmfleet/instance/instance_directory.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

using namespace instance_file;

constexpr std::array kWires = {kAlive,  kPid,      kControl, kQmp,      kMonitor, kAgent,
                               kEvents, kEventsIn, kSerial,  kSerialIn, kQemuErr};
constexpr std::array kRecords = {kIntent, kState, kLock};

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

void require_private(int fd, const std::filesystem::path& whole) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw errno_error("inspect " + whole.string(), errno);
  if (status.st_uid != ::geteuid()) {
    throw Error(ErrorKind::conflict, fmt::format("{} belongs to another user", whole.string()))
        .hint("choose another directory with --state-dir");
  }
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

std::vector<std::string> entries(int fd) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(
      ::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), &::closedir);
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// Records are replaced through temporary files that a crash can leave: `state.json.XXXXXX`.
bool is_remnant(const std::string& name) {
  return std::any_of(kRecords.begin(), kRecords.end(), [&](const char* record) {
    return name.size() > std::string_view(record).size() &&
           name.rfind(std::string(record) + ".", 0) == 0;
  });
}

}  // namespace

InstanceDirectory::InstanceDirectory(std::filesystem::path path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

InstanceDirectory InstanceDirectory::create(const std::filesystem::path& root,
                                            const std::string& fleet, const std::string& machine) {
  require_component(fleet);
  require_component(machine);
  const auto base = std::filesystem::absolute(root);
  std::error_code error;
  std::filesystem::create_directories(base.parent_path(), error);
  if (error) {
    throw errno_error("make " + base.parent_path().string(), error.value())
        .hint("choose another directory with --state-dir");
  }
  if (::mkdir(base.c_str(), 0700) != 0 && errno != EEXIST) {
    throw errno_error("make " + base.string(), errno)
        .hint("choose another directory with --state-dir");
  }
  const UniqueFd root_fd(::open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root_fd) throw errno_error("open " + base.string(), errno);
  const UniqueFd fleet_fd = make_directory(root_fd.get(), fleet, base / fleet);
  auto path = base / fleet / machine;
  UniqueFd fd = make_directory(fleet_fd.get(), machine, path);
  return InstanceDirectory(std::move(path), std::move(fd));
}

InstanceDirectory InstanceDirectory::open(const std::filesystem::path& path) {
  auto whole = std::filesystem::absolute(path);
  UniqueFd fd = open_directory(AT_FDCWD, whole, whole);
  return InstanceDirectory(std::move(whole), std::move(fd));
}

void InstanceDirectory::remove_wires() const {
  for (const char* name : kWires) unlink_known(fd_.get(), name, path_);
  ::unlinkat(fd_.get(), kWorkingDirectory, AT_REMOVEDIR);
}

void InstanceDirectory::remove(const std::vector<std::string>& staged_files) const {
  remove_wires();
  for (const auto& name : staged_files) {
    if (name.find('/') == std::string::npos) unlink_known(fd_.get(), name.c_str(), path_);
  }
  for (const auto& name : entries(fd_.get())) {
    if (is_remnant(name)) unlink_known(fd_.get(), name.c_str(), path_);
  }
  // The lock goes last: until then no other command can begin to use the directory.
  for (const char* name : kRecords) unlink_known(fd_.get(), name, path_);
  if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) return;
  if (errno != ENOTEMPTY) throw errno_error("remove " + path_.string(), errno);
  throw Error(ErrorKind::conflict,
              fmt::format("{} holds files that are not vmfleet's", path_.string()))
      .hint("move them away, then remove the directory")
      .evidence_lines(entries(fd_.get()));
}

}  // namespace vmfleet
