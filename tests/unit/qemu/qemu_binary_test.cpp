// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/qemu_binary.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/catch.hpp"

using namespace vmfleet;
namespace fs = std::filesystem;

namespace {

/// A folder with programs that answer as some QEMU would, and a count of how often they ran.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "vmfleet-qemu-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path program(const std::string& name, const std::string& script) const {
    fs::path file = path_ / name;
    std::ofstream(file) << "#!/bin/sh\necho run >> '" << (path_ / "runs").string() << "'\n"
                        << script << '\n';
    fs::permissions(file, fs::perms::owner_all);
    return file;
  }
  fs::path answering(const std::string& name, const std::string& version) const {
    return program(name, "echo 'QEMU emulator version " + version + "'");
  }
  std::size_t runs() const {
    std::ifstream stream(path_ / "runs");
    std::size_t count = 0;
    for (std::string line; std::getline(stream, line);) ++count;
    return count;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// For its version, and for what it can do.
constexpr std::size_t kRunsOfAProbe = 2;

ProbeOptions cached_in(const Folder& folder) {
  ProbeOptions options;
  options.cache_file = folder.path() / "cache" / "qemu.json";
  return options;
}

}  // namespace

TEST_CASE("a version is read from what distributions print") {
  REQUIRE(*parse_qemu_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n"
                              "Copyright (c) 2003-2022 Fabrice Bellard") == QemuVersion(7, 2, 22));
  REQUIRE(*parse_qemu_version("QEMU emulator version 10.0") == QemuVersion(10, 0, 0));
  REQUIRE(*parse_qemu_version("warning: x\nQEMU emulator version 9.1.50-rc1") ==
          QemuVersion(9, 1, 50));
  for (const char* text : {"", "bash 5.2", "QEMU emulator version ", "emulator version x.y"}) {
    REQUIRE_FALSE(parse_qemu_version(text).ok());
  }
}

TEST_CASE("a binary is found by its path or in a folder") {
  const Folder folder;
  const fs::path file = folder.answering("qemu-system-x86_64", "8.2.1");
  REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64)->path == file);
  REQUIRE(QemuBinary::probe(folder.path().string(), Arch::x86_64)->path == file);
  REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64)->version == QemuVersion(8, 2, 1));
}

TEST_CASE("an absent binary is answered with the package to install") {
  const Folder folder;
  const auto binary = QemuBinary::probe(folder.path().string(), Arch::aarch64);
  REQUIRE_FALSE(binary.ok());
  REQUIRE(binary.error().kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(binary.error().message(), ContainsSubstring("qemu-system-aarch64"));
  REQUIRE_THAT(binary.error().hint(), ContainsSubstring("apt install qemu-system-arm"));
  const auto named = QemuBinary::probe("no-such-qemu", Arch::x86_64);
  REQUIRE_FALSE(named.ok());
  REQUIRE_THAT(named.error().message(), ContainsSubstring("no no-such-qemu in PATH"));
}

TEST_CASE("a build without a sandbox is noticed") {
  const Folder folder;
  const fs::path file =
      folder.program("qemu",
                     "[ \"$1\" = -sandbox ] && { echo \"-sandbox: invalid option\" >&2; exit 1; }\n"
                     "echo 'QEMU emulator version 9.0.0'");
  REQUIRE_FALSE(QemuBinary::probe(file.string(), Arch::x86_64)->features.sandbox);
  REQUIRE(QemuBinary::probe(folder.answering("other", "9.0.0").string(), Arch::x86_64)
              ->features.sandbox);
}

TEST_CASE("what later versions can do is known from the version") {
  const Folder folder;
  REQUIRE_FALSE(QemuBinary::probe(folder.answering("a", "7.2.22").string(), Arch::x86_64)
                    ->features.chardev_input_path);
  REQUIRE(QemuBinary::probe(folder.answering("b", "10.0.2").string(), Arch::x86_64)
              ->features.chardev_input_path);
}

TEST_CASE("a QEMU that is too old is refused by its version") {
  const Folder folder;
  const auto binary =
      QemuBinary::probe(folder.answering("q", "6.2.0").string(), Arch::x86_64, cached_in(folder));
  REQUIRE_FALSE(binary.ok());
  REQUIRE(binary.error().kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(binary.error().message(), ContainsSubstring("QEMU 6.2.0; 7.2.0 or later"));
}

TEST_CASE("a program that is no QEMU is refused with its own words") {
  const Folder folder;
  const fs::path file = folder.program("q", "echo 'hello \033[31m'; exit 3");
  const auto binary = QemuBinary::probe(file.string(), Arch::x86_64);
  REQUIRE_FALSE(binary.ok());
  REQUIRE(binary.error().evidence() == std::vector<std::string>{"hello \\x1b[31m"});
  std::ofstream(folder.path() / "text") << "no program";
  fs::permissions(folder.path() / "text", fs::perms::owner_all);
  const auto text = QemuBinary::probe((folder.path() / "text").string(), Arch::x86_64);
  REQUIRE_FALSE(text.ok());
  REQUIRE(text.error().kind() == ErrorKind::host_unfit);
}

TEST_CASE("a program that never ends or never stops talking is given up") {
  const Folder folder;
  ProbeOptions options;
  options.timeout = std::chrono::milliseconds(100);
  const auto silent =
      QemuBinary::probe(folder.program("q", "exec sleep 60").string(), Arch::x86_64, options);
  REQUIRE_FALSE(silent.ok());
  REQUIRE(silent.error().kind() == ErrorKind::timed_out);
  const auto loud =
      QemuBinary::probe(folder.program("y", "exec yes").string(), Arch::x86_64, options);
  REQUIRE_FALSE(loud.ok());
  REQUIRE(loud.error().kind() == ErrorKind::timed_out);
}

TEST_CASE("a binary is asked once until it changes") {
  const Folder folder;
  const fs::path file = folder.answering("q", "8.0.0");
  const ProbeOptions options = cached_in(folder);
  REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64, options).ok());
  const auto again = QemuBinary::probe(file.string(), Arch::x86_64, options);
  REQUIRE(again->version == QemuVersion(8, 0, 0));
  REQUIRE(again->features.sandbox);
  REQUIRE(folder.runs() == kRunsOfAProbe);
  folder.answering("q", "10.1.0");
  REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64, options)->version ==
          QemuVersion(10, 1, 0));
  REQUIRE(folder.runs() == 2 * kRunsOfAProbe);
}

TEST_CASE("what a binary can do is remembered with its version") {
  const Folder folder;
  const fs::path file = folder.program("q", R"(echo 'QEMU emulator version 8.0.0'
echo '{"return": [{"name": "pc-q35-8.0", "alias": "q35", "cpu-max": 288}], "id": "machines"}'
echo 'qemu: warning: something'
echo '{"return": [{"name": "max"}, {"name": "486"}], "id": "cpus"}')");
  for (int round = 0; round < 2; ++round) {
    const auto binary = QemuBinary::probe(file.string(), Arch::x86_64, cached_in(folder));
    REQUIRE(binary->machine_types ==
            std::vector<QemuMachineType>{{"pc-q35-8.0", 288}, {"q35", 288}});
    REQUIRE(binary->cpu_models == std::vector<std::string>{"486", "max"});
  }
  REQUIRE(folder.runs() == kRunsOfAProbe);
}

TEST_CASE("a damaged or unwritable cache costs no more than another question") {
  const Folder folder;
  const fs::path file = folder.answering("q", "8.0.0");
  ProbeOptions options = cached_in(folder);
  for (const char* content : {"", "{", "[]", "{\"schema\":\"other\"}",
                              "{\"schema\":\"vmfleet.qemu-cache/2\",\"binaries\":3}"}) {
    fs::create_directories(options.cache_file.parent_path());
    std::ofstream(options.cache_file) << content;
    REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64, options).ok());
  }
  options.cache_file = "/proc/no/such/place";
  REQUIRE(QemuBinary::probe(file.string(), Arch::x86_64, options).ok());
}

TEST_CASE("the cache keeps what other binaries answered") {
  const Folder folder;
  const ProbeOptions options = cached_in(folder);
  const fs::path first = folder.answering("a", "8.0.0");
  const fs::path second = folder.answering("b", "9.0.0");
  for (int round = 0; round < 2; ++round) {
    REQUIRE(QemuBinary::probe(first.string(), Arch::x86_64, options).ok());
    REQUIRE(QemuBinary::probe(second.string(), Arch::x86_64, options).ok());
  }
  REQUIRE(folder.runs() == 2 * kRunsOfAProbe);
}

TEST_CASE("the cache forgets binaries that are gone") {
  const Folder folder;
  const ProbeOptions options = cached_in(folder);
  const fs::path gone = folder.answering("gone", "8.0.0");
  REQUIRE(QemuBinary::probe(gone.string(), Arch::x86_64, options).ok());
  fs::remove(gone);
  const fs::path stays = folder.answering("stays", "9.0.0");
  REQUIRE(QemuBinary::probe(stays.string(), Arch::x86_64, options).ok());
  std::ostringstream kept;
  kept << std::ifstream(options.cache_file).rdbuf();
  CHECK_THAT(kept.str(), ContainsSubstring(stays.string()));
  CHECK_THAT(kept.str(), !ContainsSubstring(gone.string()));
}
