// SPDX-License-Identifier: MIT
// Walking DT_NEEDED breadth first.
#include <image/libraries.hpp>

#include <deque>

#include <image/elf.hpp>

namespace vmfleet::image {
namespace {

class Walk {
 public:
  Walk(const FileSource& source, std::string_view triplet) : source_(source) {
    const std::string folder(triplet);
    folders_ = {"lib/" + folder, "usr/lib/" + folder, "lib64", "usr/lib64", "lib", "usr/lib"};
  }

  void add_program(const std::string& path) {
    const auto contents = source_.read(path);
    if (!contents) throw Error(ErrorKind::not_found, "program " + path + " is missing");
    add_needs(path, *contents);
    while (!open_.empty()) {
      const std::string next = std::move(open_.front());
      open_.pop_front();
      add_needs(next, found_.at(next));
    }
  }
  Libraries take() { return std::move(found_); }

 private:
  void add_needs(const std::string& path, std::string_view contents) {
    const auto elf = ElfFile::parse(contents);
    if (!elf) throw Error(elf.error()).context(path);
    if (!elf->interpreter().empty()) {
      if (!add_interpreter(std::string(elf->interpreter().substr(1)))) {
        missing(elf->interpreter(), path);
      }
    }
    for (const std::string_view name : elf->needed()) {
      if (!add_library(name)) missing(name, path);
    }
  }

  /// It must be where the program says. Packages of a merged system have it under /usr, and leave
  /// the link from /lib64 to another package.
  bool add_interpreter(const std::string& path) {
    return add(path, path) || add(path, "usr/" + path);
  }

  bool add_library(std::string_view name) {
    for (const std::string& folder : folders_) {
      const std::string path = folder + "/" + std::string(name);
      if (add(path, path)) return true;
    }
    return false;
  }

  /// Puts what the source has as `from` at `path`.
  bool add(const std::string& path, const std::string& from) {
    if (found_.count(path) != 0) return true;
    auto contents = source_.read(from);
    if (!contents) return false;
    found_.emplace(path, std::move(*contents));
    open_.push_back(path);
    return true;
  }

  [[noreturn]] static void missing(std::string_view library, const std::string& path) {
    throw Error(ErrorKind::not_found,
                "library " + std::string(library) + ", which " + path + " needs, is missing");
  }

  const FileSource& source_;
  std::vector<std::string> folders_;
  Libraries found_;
  std::deque<std::string> open_;
};

}  // namespace

Libraries find_libraries(const FileSource& source, const std::vector<std::string>& programs,
                         std::string_view triplet) {
  Walk walk(source, triplet);
  for (const std::string& path : programs) walk.add_program(path);
  return walk.take();
}

}  // namespace vmfleet::image
