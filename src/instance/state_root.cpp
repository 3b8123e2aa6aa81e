// SPDX-License-Identifier: MIT
// Making and judging the state root.
#include <vmfleet/instance/state_root.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace vmfleet {

namespace {

/// Of the path, rather than of the moment.
bool is_wrong_choice(int error_number) {
  for (const int number : {ENOTDIR, EACCES, EPERM, ENOENT, ELOOP, ENAMETOOLONG}) {
    if (number == error_number) return true;
  }
  return false;
}

}  // namespace

Error state_root_error(const std::filesystem::path& root, int error_number) {
  const std::string message = fmt::format("the state directory {} cannot be used", root.string());
  Error error = errno_error(message, error_number);
  if (is_wrong_choice(error_number)) {
    error = errno_error(ErrorKind::invalid_config, message, error_number);
  } else if (error_number == EROFS) {
    error = errno_error(ErrorKind::host_unfit, message, error_number);
  }
  return std::move(error).hint("name another one with --state-dir or VMFLEET_STATE_DIR");
}

void require_state_root(const std::filesystem::path& root) {
  struct stat info {};
  if (::stat(root.c_str(), &info) != 0) {
    if (errno == ENOENT) return;
    throw state_root_error(root, errno);
  }
  if (!S_ISDIR(info.st_mode)) throw state_root_error(root, ENOTDIR);
  if (::access(root.c_str(), R_OK | X_OK) != 0) throw state_root_error(root, errno);
}

void make_state_root(const std::filesystem::path& given) {
  std::filesystem::path root = std::filesystem::absolute(given);
  while (!root.has_filename() || root.filename() == ".") {  // mkdir would make the parent of DIR/
    if (root == root.root_path()) return;
    root = root.parent_path();
  }
  std::error_code error;
  std::filesystem::create_directories(root.parent_path(), error);
  if (error) throw state_root_error(root, error.value());
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) throw state_root_error(root, errno);
  struct stat info {};
  if (::stat(root.c_str(), &info) != 0) throw state_root_error(root, errno);
  if (!S_ISDIR(info.st_mode)) throw state_root_error(root, ENOTDIR);
  if (::access(root.c_str(), W_OK | X_OK) != 0) throw state_root_error(root, errno);
}

}  // namespace vmfleet
