// SPDX-License-Identifier: MIT
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

template <class Action>
ErrorKind kind_of_error(Action action) {
  try {
    action();
  } catch (const Error& error) {
    INFO(error.message());
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ErrorKind::internal;
}

/// Files of this process may not grow beyond `size`; writing more fails with EFBIG.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t size) : old_action_(::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{size, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;
  ~SizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, old_action_);
  }

 private:
  rlimit before_{};
  sighandler_t old_action_;
};

/// Root may write anywhere; this is somebody who may not.
class AsNobody {
 public:
  AsNobody() { REQUIRE(::seteuid(65534) == 0); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() { static_cast<void>(::seteuid(0)); }
};

}  // namespace

TEST_CASE("a written file reads back, with the mode that was asked for") {
  const TempDir folder;
  const std::string text = std::string("a\0b\n", 4) + std::string(200'000, 'x');
  files::write_atomically(folder / "f", text);
  REQUIRE((files::read(folder / "f") == text));
  struct stat status {};
  REQUIRE(::stat((folder / "f").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777) == 0600);
  files::write_atomically(folder / "f", "", 0644);
  REQUIRE(files::read(folder / "f").empty());
  REQUIRE(::stat((folder / "f").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777) == 0644);
  REQUIRE(entries_in(folder.path()) == 1);
}

TEST_CASE("a file in the current folder can be replaced") {
  const TempDir folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  files::write_atomically("bare-name", "x");
  std::filesystem::current_path(before);
  REQUIRE(files::read(folder / "bare-name") == "x");
}

TEST_CASE("reading refuses what is larger than the limit, and takes what is just as large") {
  const TempDir folder;
  append(folder / "f", "12345");
  REQUIRE(files::read(folder / "f", Bytes(5)) == "12345");
  REQUIRE(kind_of_error([&] { files::read(folder / "f", Bytes(4)); }) == ErrorKind::unavailable);
  REQUIRE(kind_of_error([&] { files::read(folder / "none"); }) == ErrorKind::not_found);
  REQUIRE(kind_of_error([&] { files::read(folder.path()); }) == ErrorKind::unavailable);
}

TEST_CASE("the end of a file is its last bytes, of a missing one nothing") {
  const TempDir folder;
  append(folder / "f", "0123456789");
  REQUIRE(files::read_end(folder / "f", Bytes(3)) == "789");
  REQUIRE(files::read_end(folder / "f", Bytes(100)) == "0123456789");
  REQUIRE(files::read_end(folder / "f", Bytes(0)).empty());
  REQUIRE(files::read_end(folder / "none", Bytes(3)).empty());
}

TEST_CASE("a file whose size the kernel does not tell is read whole") {
  REQUIRE_FALSE(files::read("/proc/self/status").empty());
}

TEST_CASE("a replacement that cannot be written leaves the old content and nothing else") {
  const TempDir folder;
  files::write_atomically(folder / "f", "old");
  for (const rlim_t limit : {0, 1, 4096, 65536}) {
    const SizeLimit small(limit);
    REQUIRE_THROWS_AS(files::write_atomically(folder / "f", std::string(100'000, 'x')), Error);
  }
  REQUIRE(content_of(folder / "f") == "old");
  REQUIRE(entries_in(folder.path()) == 1);
}

TEST_CASE("a replacement whose rename fails leaves nothing behind") {
  const TempDir folder;
  std::filesystem::create_directories(folder / "f/inside");
  REQUIRE_THROWS_AS(files::write_atomically(folder / "f", "x"), Error);
  REQUIRE(entries_in(folder.path()) == 1);
  REQUIRE(std::filesystem::is_directory(folder / "f/inside"));
}

TEST_CASE("a folder that is missing or not ours to write is an error, and nothing changes") {
  const TempDir folder;
  REQUIRE(kind_of_error([&] { files::write_atomically(folder / "no/f", "x"); }) ==
          ErrorKind::not_found);
  if (::geteuid() != 0) return;
  files::write_atomically(folder / "f", "old", 0666);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  {
    const AsNobody nobody;
    REQUIRE_THROWS_AS(files::write_atomically(folder / "f", "new"), Error);
  }
  REQUIRE(content_of(folder / "f") == "old");
  REQUIRE(entries_in(folder.path()) == 1);
}

TEST_CASE("a full disk leaves the old content and no temporary file") {
  const TempDir folder;
  if (::mount("none", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("not permitted to mount: the size limit above stands in for a full disk");
    return;
  }
  files::write_atomically(folder / "f", "old");
  std::string said;
  try {
    files::write_atomically(folder / "f", std::string(1 << 20, 'x'));
  } catch (const Error& error) {
    said = error.message();
  }
  const auto content = content_of(folder / "f");
  const auto entries = entries_in(folder.path());
  ::umount(folder.path().c_str());
  REQUIRE_THAT(said, ContainsSubstring("No space left on device"));
  REQUIRE(content == "old");
  REQUIRE(entries == 1);
}

TEST_CASE("opening and writing name the path in their errors") {
  const TempDir folder;
  try {
    files::open(folder / "none", O_RDONLY);
    FAIL("it opened");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE_THAT(error.message(), ContainsSubstring((folder / "none").string()));
  }
  append(folder / "f", "");
  const UniqueFd fd = files::open(folder / "f", O_RDONLY);
  REQUIRE((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE_THROWS_WITH(files::write_all(fd.get(), "x", "the log"),
                      ContainsSubstring("write the log: "));
}

TEST_CASE("a content has one hash, and another one gives another") {
  const TempDir temp;
  const auto hash_of = [&](const std::string& content) {
    files::write_atomically(temp / "file", content);
    return files::content_hash(temp / "file");
  };
  const std::string large((1 << 20) + 3, 'a');
  REQUIRE(hash_of(large) == hash_of(large));
  std::string changed = large;
  changed.back() = '\x80';
  REQUIRE(hash_of(large) != hash_of(changed));
  // Bits that multiplication alone would lose, and bytes that only the length tells.
  REQUIRE(hash_of(std::string(16, '\0')) !=
          hash_of(std::string(7, '\0') + '\x80' + std::string(7, '\0') + '\x80'));
  REQUIRE(hash_of("a") != hash_of(std::string("a\0", 2)));
  REQUIRE(hash_of("").size() == 16);
  REQUIRE(kind_of_error([&] { files::content_hash(temp / "none"); }) == ErrorKind::not_found);
}

TEST_CASE("what has no end has no hash, and nobody waits for it") {
  const TempDir temp;
  REQUIRE(::mkfifo((temp / "pipe").c_str(), 0600) == 0);
  for (const std::filesystem::path& path : {temp / "pipe", std::filesystem::path("/dev/zero")}) {
    REQUIRE(kind_of_error([&] { files::content_hash(path); }) == ErrorKind::invalid_config);
  }
}
