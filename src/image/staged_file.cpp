// SPDX-License-Identifier: MIT
// Writing and committing staged files.
#include <image/staged_file.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include <image/file_copy.hpp>

namespace vmfleet::image {

StagedFile::StagedFile(std::filesystem::path target, mode_t mode) : target_(std::move(target)) {
  std::string name =
      (target_.parent_path() / ("." + target_.filename().string() + ".XXXXXX")).string();
  fd_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd_) fail("create", errno);
  temporary_ = name;
  set_mode(mode);
}

StagedFile::StagedFile(std::filesystem::path target, const std::string& temporary_name, mode_t mode)
    : target_(std::move(target)), temporary_(target_.parent_path() / temporary_name) {
  ::unlink(temporary_.c_str());
  fd_ = UniqueFd(
      ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd_) fail("create", errno);
  set_mode(mode);
}

StagedFile::~StagedFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void StagedFile::set_mode(mode_t mode) {
  if (::fchmod(fd_.get(), mode) == 0) return;
  const int error_number = errno;
  ::unlink(temporary_.c_str());
  fail("create", error_number);
}

void StagedFile::append(std::string_view data) {
  if (::lseek(fd_.get(), 0, SEEK_END) < 0) fail("write", errno);
  while (!data.empty()) {
    const auto count = ::write(fd_.get(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", errno);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
}

CopyMethod StagedFile::copy_from(const std::filesystem::path& source) {
  FileCopy copy(source, *this);
  while (copy.step(Bytes::gibi(1))) {
  }
  return copy.method();
}

void StagedFile::grow(Bytes bytes) {
  if (size() < bytes.count() && ::ftruncate(fd_.get(), static_cast<off_t>(bytes.count())) != 0) {
    fail("grow", errno);
  }
}

std::uint64_t StagedFile::size() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) fail("read", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void StagedFile::reopen() {
  UniqueFd fd(::open(temporary_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || ::fchmod(fd.get(), 0600) != 0) fail("open", errno);
  fd_ = std::move(fd);
}

void StagedFile::sync() {
  if (::fsync(fd_.get()) != 0) fail("write", errno);
}

void StagedFile::commit() {
  sync();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("create", errno);
  temporary_.clear();
  sync_directory(target_.parent_path());
}

bool StagedFile::commit_as(const std::filesystem::path& name) {
  sync();
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_.clear();
  } else if (errno == EEXIST) {
    return false;
  } else if (errno != EINVAL && errno != ENOSYS) {
    fail("create", errno);
  } else if (::link(temporary_.c_str(), name.c_str()) != 0) {  // a file system that cannot do that
    if (errno == EEXIST) return false;
    fail("create", errno);
  }
  sync_directory(name.parent_path());
  return true;
}

void StagedFile::fail(std::string_view doing, int error_number) const {
  Error error = errno_error(std::string(doing) + " " + target_.string(), error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    throw std::move(error).hint("free some space in " + target_.parent_path().string());
  }
  throw error;
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that has nothing to sync.
  if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL)) {
    throw errno_error("sync " + path.string(), errno);
  }
}

}  // namespace vmfleet::image

namespace vmfleet {

CopyMethod stage_copy(const std::filesystem::path& source, const std::filesystem::path& target,
                      mode_t mode) {
  image::StagedFile file(target, mode);
  const CopyMethod method = file.copy_from(source);
  file.commit();
  return method;
}

}  // namespace vmfleet
