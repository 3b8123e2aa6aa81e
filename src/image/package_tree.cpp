// SPDX-License-Identifier: MIT
// Reading .deb files: an ar archive that holds two tar archives.
#include <image/package_tree.hpp>

#include <cerrno>
#include <vector>

#include <vmfleet/base/text.hpp>

#include <image/archive.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::image {
namespace {

constexpr std::size_t kMaxFile = std::size_t{512} << 20;
constexpr int kMaxLinks = 40;

/// A tar archive inside the entry that the outer reader stands at.
class InnerTar {
 public:
  InnerTar(archive* outer, std::string doing)
      : outer_(outer), doing_(std::move(doing)), reader_(::archive_read_new()) {
    ::archive_read_support_filter_all(reader_.get());
    ::archive_read_support_format_tar(reader_.get());
    if (::archive_read_open(reader_.get(), this, nullptr, read_block, nullptr) != ARCHIVE_OK) {
      throw archive_error(reader_.get(), ErrorKind::corrupt, doing_);
    }
  }
  InnerTar(const InnerTar&) = delete;
  InnerTar& operator=(const InnerTar&) = delete;

  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(reader_.get(), &entry);
    if (status == ARCHIVE_EOF) return nullptr;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      throw archive_error(reader_.get(), ErrorKind::corrupt, doing_);
    }
    return entry;
  }
  std::string contents() { return read_rest(reader_.get(), kMaxFile, doing_); }

 private:
  static la_ssize_t read_block(archive* reader, void* self, const void** block) {
    auto& tar = *static_cast<InnerTar*>(self);
    const auto count = ::archive_read_data(tar.outer_, tar.block_.data(), tar.block_.size());
    if (count < 0) {
      ::archive_set_error(reader, EIO, "%s", ::archive_error_string(tar.outer_));
      return -1;
    }
    *block = tar.block_.data();
    return count;
  }

  archive* outer_;
  std::string doing_;
  std::vector<char> block_ = std::vector<char>(1 << 18);
  ArchiveHandle reader_;
};

/// "usr/lib/x" for "./usr//lib/./x" and for absolute paths; `..` goes up, never out.
std::string normal_path(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return join(parts, "/");
}

PackageInfo parse_control(std::string_view text) {
  PackageInfo info;
  for (const std::string_view line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    if (key == "Package") info.name = trim(line.substr(colon + 1));
    if (key == "Version") info.version = trim(line.substr(colon + 1));
  }
  return info;
}

}  // namespace

PackageInfo PackageTree::add_package(const std::filesystem::path& deb, const Filter& wanted) {
  const std::string doing = "read package " + deb.filename().string();
  const ArchiveHandle outer(::archive_read_new());
  ::archive_read_support_format_ar(outer.get());
  constexpr std::size_t kBlock = 1 << 16;
  if (::archive_read_open_filename(outer.get(), deb.c_str(), kBlock) != ARCHIVE_OK) {
    throw archive_error(outer.get(), ErrorKind::corrupt, doing);
  }
  PackageInfo info;
  bool has_data = false;
  for (;;) {
    archive_entry* member = nullptr;
    const int status = ::archive_read_next_header(outer.get(), &member);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) throw archive_error(outer.get(), ErrorKind::corrupt, doing);
    const std::string_view member_name = ::archive_entry_pathname(member);
    const bool is_control = member_name.starts_with("control.tar");
    if (!is_control && !member_name.starts_with("data.tar")) continue;
    has_data = has_data || !is_control;
    InnerTar tar(outer.get(), doing);
    while (archive_entry* entry = tar.next()) {
      const char* raw_path = ::archive_entry_pathname(entry);
      const std::string path = normal_path(raw_path ? raw_path : "");
      if (is_control) {
        if (path == "control") info = parse_control(tar.contents());
      } else if (const char* link = ::archive_entry_symlink(entry)) {
        links_[path] = link;
      } else if (const char* same = ::archive_entry_hardlink(entry)) {
        links_[path] = "/" + normal_path(same);
      } else if (::archive_entry_filetype(entry) == AE_IFREG && wanted(path)) {
        files_[path] = tar.contents();
      }
    }
  }
  if (!has_data || info.name.empty()) {
    throw Error(ErrorKind::corrupt, doing + ": it is not a Debian package");
  }
  return info;
}

std::optional<std::string> PackageTree::read(std::string_view path) const {
  std::string at = normal_path(path);
  for (int followed = 0; followed < kMaxLinks; ++followed) {
    if (const auto file = files_.find(at); file != files_.end()) return file->second;
    // The longest leading part that is a link: the file itself, or a folder above it.
    auto end = at.size();
    auto link = links_.find(at);
    while (link == links_.end()) {
      end = end == 0 ? std::string::npos : at.rfind('/', end - 1);
      if (end == std::string::npos) return std::nullopt;
      link = links_.find(std::string_view(at).substr(0, end));
    }
    const bool absolute = link->second.starts_with("/");
    const auto folder = absolute ? std::string() : link->first + "/..";
    at = normal_path(folder + "/" + link->second + at.substr(end));
  }
  return std::nullopt;
}

std::optional<std::string> HostTree::read(std::string_view path) const {
  std::error_code ignored;
  const std::filesystem::path file = root_ / normal_path(path);
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  return files::read(file, Bytes(kMaxFile));
}

}  // namespace vmfleet::image
