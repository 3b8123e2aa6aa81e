// SPDX-License-Identifier: MIT
// Writing newc cpio archives with libarchive.
#include <vmfleet/image/initrd.hpp>

#include <cstdint>
#include <set>

#include <vmfleet/base/text.hpp>

#include <image/archive.hpp>
#include <image/staged_file.hpp>

namespace vmfleet {
namespace {

using image::archive_error;

/// "a/b" for "/a//b/"; refuses what would leave the guest's root.
std::string normal_path(std::string_view path) {
  std::string result;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != std::string_view::npos) {
      result.clear();
      break;
    }
    if (!result.empty()) result += '/';
    result += part;
  }
  if (result.empty()) {
    throw Error(ErrorKind::invalid_config,
                "'" + sanitize(path) + "' is not a path inside the initrd");
  }
  return result;
}

la_ssize_t append_to_string(archive*, void* bytes, const void* data, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

class InitrdWriter::State {
 public:
  State() : writer_(::archive_write_new()) {
    ::archive_write_set_format_cpio_newc(writer_.get());
    ::archive_write_set_bytes_per_block(writer_.get(), 0);
    check(
        ::archive_write_open2(writer_.get(), &bytes_, nullptr, append_to_string, nullptr, nullptr));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  archive_entry* begin(std::string_view path, unsigned type, mode_t mode) {
    std::string name = normal_path(path);
    const auto slash = name.rfind('/');
    if (slash != std::string::npos) parents(name.substr(0, slash));
    if (!names_.insert(name).second) {
      throw Error(ErrorKind::invalid_config, "two entries of the initrd are called '" + name + "'");
    }
    entry_.reset(::archive_entry_new());
    ::archive_entry_set_pathname(entry_.get(), name.c_str());
    ::archive_entry_set_filetype(entry_.get(), type);
    ::archive_entry_set_perm(entry_.get(), mode);
    ::archive_entry_set_ino64(entry_.get(), static_cast<la_int64_t>(names_.size()));
    ::archive_entry_set_nlink(entry_.get(), 1);
    ::archive_entry_set_mtime(entry_.get(), 0, 0);
    ::archive_entry_set_size(entry_.get(), 0);
    return entry_.get();
  }

  void end(std::string_view contents = {}) {
    check(::archive_write_header(writer_.get(), entry_.get()));
    if (!contents.empty() &&
        ::archive_write_data(writer_.get(), contents.data(), contents.size()) < 0) {
      check(ARCHIVE_FATAL);
    }
  }

  std::string finish() {
    check(::archive_write_close(writer_.get()));
    return std::move(bytes_);
  }

 private:
  void parents(const std::string& name) {
    if (names_.count(name) != 0) return;
    begin(name, AE_IFDIR, 0755);
    end();
  }
  void check(int status) {
    if (status != ARCHIVE_OK) {
      throw archive_error(writer_.get(), ErrorKind::internal, "write initrd");
    }
  }

  std::string bytes_;  // first: an unfinished archive is closed, so written, when it is destroyed
  image::ArchiveHandle writer_;
  image::ArchiveEntryHandle entry_;
  std::set<std::string, std::less<>> names_;
};

InitrdWriter::InitrdWriter() : state_(std::make_unique<State>()) {}
InitrdWriter::InitrdWriter(InitrdWriter&&) noexcept = default;
InitrdWriter& InitrdWriter::operator=(InitrdWriter&&) noexcept = default;
InitrdWriter::~InitrdWriter() = default;

void InitrdWriter::directory(std::string_view path, mode_t mode) {
  state_->begin(path, AE_IFDIR, mode);
  state_->end();
}

void InitrdWriter::file(std::string_view path, std::string_view contents, mode_t mode) {
  archive_entry* entry = state_->begin(path, AE_IFREG, mode);
  ::archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
  state_->end(contents);
}

void InitrdWriter::symlink(std::string_view path, std::string_view target) {
  archive_entry* entry = state_->begin(path, AE_IFLNK, 0777);
  ::archive_entry_set_symlink(entry, std::string(target).c_str());
  state_->end();
}

void InitrdWriter::character_device(std::string_view path, unsigned major, unsigned minor,
                                    mode_t mode) {
  archive_entry* entry = state_->begin(path, AE_IFCHR, mode);
  ::archive_entry_set_rdevmajor(entry, major);
  ::archive_entry_set_rdevminor(entry, minor);
  state_->end();
}

std::string InitrdWriter::finish() && {
  return state_->finish();
}

void append_initrd(const std::filesystem::path& base, std::string_view extra,
                   const std::filesystem::path& target) {
  constexpr std::uint64_t kAlignment = 4;  // the kernel skips zeros between archives
  image::StagedFile file(target, 0600);
  file.copy_from(base);
  file.append(std::string((kAlignment - file.size() % kAlignment) % kAlignment, '\0'));
  file.append(extra);
  file.commit();
}

}  // namespace vmfleet
