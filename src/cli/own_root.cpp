// SPDX-License-Identifier: MIT
// Making, holding and taking over temporary state roots.
#include "cli/own_root.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <io/temporary_folder.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::cli {

namespace {

constexpr const char* kPrefix = "vmfleet-run-";
constexpr const char* kLock = "owner.lock";

std::filesystem::path folder_of_roots() {
  return std::filesystem::absolute(std::filesystem::temp_directory_path());
}

/// It has its name only when it is locked: others take a free one for abandoned.
UniqueFd make_lock(const std::filesystem::path& root) {
  const auto path = root / kLock;
  const auto unlocked = root / "owner.new";
  UniqueFd lock = files::open(unlocked, O_RDWR | O_CREAT | O_EXCL);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
      ::rename(unlocked.c_str(), path.c_str()) != 0) {
    throw errno_error("lock " + path.string(), errno);
  }
  return lock;
}

/// Invalid when the root is not ours, or is in use.
UniqueFd take_lock(const std::filesystem::path& root) {
  struct stat status {};
  const bool ours = ::lstat(root.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                    status.st_uid == ::geteuid();
  if (!ours) return UniqueFd();
  UniqueFd lock(::open((root / kLock).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return UniqueFd();
}

}  // namespace

OwnRoot::OwnRoot() {
  TemporaryFolder folder(folder_of_roots() / kPrefix);
  lock_ = make_lock(folder.path());
  path_ = folder.path();
  folder.keep();
}

void OwnRoot::remove() {
  std::error_code error;
  const auto remove_all = [&](const std::filesystem::path& path) {
    std::filesystem::remove_all(path, error);
    if (error) throw errno_error("remove " + path.string(), error.value());
  };
  // The lock goes last: without it nobody would try again.
  std::vector<std::filesystem::path> others;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    if (entry.path().filename() != kLock) others.push_back(entry);
  }
  for (const auto& path : others) remove_all(path);
  remove_all(path_);
  removed_ = true;
}

std::vector<OwnRoot> OwnRoot::take_abandoned() {
  std::vector<OwnRoot> roots;
  std::error_code ignored;
  const auto temporary = std::filesystem::temp_directory_path(ignored);
  const auto folder = std::filesystem::absolute(temporary, ignored);
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
    UniqueFd lock = take_lock(entry.path());
    if (lock) roots.push_back(OwnRoot(entry.path(), std::move(lock)));
  }
  return roots;
}

std::string OwnRoot::fleet_name() const {
  const std::string name = path().filename().string();
  return "run-" + name.substr(name.rfind('-') + 1);
}

}  // namespace vmfleet::cli
