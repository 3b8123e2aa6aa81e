// SPDX-License-Identifier: MIT
// Instance directories: private, without links, removed by name.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

void touch(const std::filesystem::path& path) {
  std::ofstream(path) << "x";
}

ErrorKind kind_of_creating(const std::filesystem::path& root, const std::string& fleet,
                           const std::string& machine) {
  try {
    InstanceDirectory::create(root, fleet, machine);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

ErrorKind kind_of_opening(const std::filesystem::path& machine) {
  try {
    InstanceDirectory::open(machine);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

/// What keeps it from being removed.
std::vector<std::string> strangers_in_the_way(const InstanceDirectory& directory) {
  try {
    directory.remove({});
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::conflict);
    return error.evidence();
  }
  return {};
}

}  // namespace

TEST_CASE("a new instance directory is closed to others, and so is what leads to it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp / "root", "demo", "vm-0");
  for (const auto& path : {temp / "root", temp / "root/demo", temp / "root/demo/vm-0"}) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    INFO(path);
    REQUIRE((status.st_mode & 0777) == 0700);
  }
  REQUIRE(directory.path() == temp / "root/demo/vm-0");
}

TEST_CASE("a state root is closed to others however it is written") {
  for (const char* written : {"root/", "root/.", "root//./"}) {
    const TempDir temp;
    InstanceDirectory::create(temp / "deep" / written, "demo", "vm-0");
    INFO(written);
    REQUIRE(std::filesystem::status(temp / "deep/root").permissions() ==
            std::filesystem::perms::owner_all);
    REQUIRE_NOTHROW(InstanceDirectory::open((temp / "deep/root/demo/vm-0/").string()));
  }
}

TEST_CASE("a machine that others may have made up is not opened") {
  const TempDir temp;
  const auto machine = InstanceDirectory::create(temp / "root", "demo", "vm-0").path();
  for (const auto& folder : {temp / "root", temp / "root/demo", machine}) {
    INFO(folder.string());
    const auto before = std::filesystem::status(folder).permissions();
    std::filesystem::permissions(folder, std::filesystem::perms::all);
    REQUIRE(kind_of_opening(machine) == ErrorKind::conflict);
    std::filesystem::permissions(folder, before);
    if (::geteuid() != 0) continue;
    REQUIRE(::chown(folder.c_str(), 65534, 65534) == 0);
    REQUIRE(kind_of_opening(machine) == ErrorKind::conflict);
    REQUIRE(::chown(folder.c_str(), 0, 0) == 0);
  }
  REQUIRE_NOTHROW(InstanceDirectory::open(machine));
  // A folder of the system, where everybody has a place of one's own.
  std::filesystem::permissions(temp / "root",
                               std::filesystem::perms::all | std::filesystem::perms::sticky_bit);
  REQUIRE_NOTHROW(InstanceDirectory::open(machine));
}

TEST_CASE("names that are no single path component are refused") {
  const TempDir temp;
  for (const std::string name : {"", ".", "..", "a/b", "/etc", "../up"}) {
    INFO(name);
    REQUIRE(kind_of_creating(temp.path(), "demo", name) == ErrorKind::invalid_config);
    REQUIRE(kind_of_creating(temp.path(), name, "vm-0") == ErrorKind::invalid_config);
  }
}

TEST_CASE("a link in the place of a fleet or machine is not followed") {
  const TempDir temp;
  std::filesystem::create_directories(temp / "elsewhere");
  std::filesystem::create_directories(temp / "root");
  std::filesystem::create_directory_symlink(temp / "elsewhere", temp / "root/demo");
  REQUIRE(kind_of_creating(temp / "root", "demo", "vm-0") == ErrorKind::conflict);
  REQUIRE(std::filesystem::is_empty(temp / "elsewhere"));
}

TEST_CASE("removal takes what is ours, staged files too, and the directory") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  for (const char* name :
       {instance_file::kIntent, instance_file::kState, instance_file::kLock, instance_file::kSerial,
        instance_file::kAlive, instance_file::kQemuErr}) {
    touch(directory.file(name));
  }
  touch(directory.file("state.json.Ab12Cd"));    // a crash in the middle of a write
  touch(directory.file("intent.json.corrupt"));  // set aside
  touch(directory.file("disk0.qcow2"));
  touch(directory.file("state.json.a1B2c3"));  // a write that was cut short
  std::filesystem::create_directory(directory.file(instance_file::kWorkingDirectory));
  directory.remove({"disk0.qcow2"});
  REQUIRE_FALSE(std::filesystem::exists(directory.path()));
}

TEST_CASE("removal takes what users and QEMU have written beside our files, whatever its name") {
  const TempDir temp;
  std::filesystem::create_directory(temp / "precious");
  touch(temp / "precious/thesis.odt");
  const auto directory = InstanceDirectory::create(temp / "root", "demo", "vm-0");
  write_intent(directory, Intent());
  touch(directory.file("qemu.log"));
  touch(directory.file("it's\na name"));
  REQUIRE(::mkfifo(directory.file("pipe").c_str(), 0600) == 0);
  std::filesystem::create_directory_symlink(temp / "precious", directory.file("link"));
  std::filesystem::create_directory(directory.file(instance_file::kWorkingDirectory));
  touch(directory.file(instance_file::kWorkingDirectory) / "core");
  for (const char* snapshot : {"clean", ".new-abcdef"}) {
    std::filesystem::create_directories(directory.file(instance_file::kSnapshots) / snapshot);
    touch(directory.file(instance_file::kSnapshots) / snapshot / "machine");
  }
  directory.remove({});
  REQUIRE_FALSE(std::filesystem::exists(directory.path()));
  REQUIRE(std::filesystem::exists(temp / "precious/thesis.odt"));
}

TEST_CASE("removal leaves a stranger's file alone where no record of ours is, and names it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  touch(directory.file("thesis.odt"));
  touch(directory.file(instance_file::kState));
  touch(directory.file(instance_file::kSerial));
  REQUIRE(strangers_in_the_way(directory) == std::vector<std::string>{"thesis.odt"});
  REQUIRE(std::filesystem::exists(directory.file("thesis.odt")));
  REQUIRE(std::filesystem::exists(directory.file(instance_file::kSerial)));
}

TEST_CASE("removal leaves a stranger's directory alone and names it") {
  for (const std::string name : {"photos", "cwd/photos", "snapshots/clean/photos"}) {
    INFO(name);
    const TempDir temp;
    const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
    std::filesystem::create_directories(directory.path() / name);
    touch(directory.path() / name / "one.jpg");
    write_intent(directory, Intent());
    touch(directory.file(instance_file::kSerial));
    REQUIRE(strangers_in_the_way(directory) == std::vector<std::string>{name});
    REQUIRE(std::filesystem::exists(directory.path() / name / "one.jpg"));
    REQUIRE(std::filesystem::exists(directory.file(instance_file::kSerial)));
  }
}

TEST_CASE("a directory that holds files and no record is no place for a machine") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "src", "module");
  touch(directory.file(instance_file::kLock));
  REQUIRE_NOTHROW(directory.require_ours_or_bare());
  touch(directory.file("main.c"));
  REQUIRE_THROWS_AS(directory.require_ours_or_bare(), Error);
  touch(directory.file("intent.json"));  // somebody's own
  REQUIRE_THROWS_AS(directory.require_ours_or_bare(), Error);
  write_intent(directory, Intent());
  REQUIRE_NOTHROW(directory.require_ours_or_bare());
}

TEST_CASE("a folder without a machine's record loses nothing, whatever its files are called") {
  const std::vector<std::vector<std::string>> folders{
      {"pid"}, {"lock", "alive"}, {"lock.yaml", "lock"}, {"intent.json", "state.json.bak"}};
  for (const auto& names : folders) {
    const TempDir temp;
    const auto directory = InstanceDirectory::create(temp.path(), "src", "module");
    for (const auto& name : names) touch(directory.path() / name);
    INFO(names[0]);
    REQUIRE_THROWS_AS(directory.remove({}), Error);
    for (const auto& name : names) REQUIRE(std::filesystem::exists(directory.path() / name));
  }
}

TEST_CASE("neither a fleet nor a machine is reached through a link") {
  const TempDir temp;
  const auto real = InstanceDirectory::create(temp / "elsewhere", "demo", "vm-0").path();
  std::filesystem::create_directories(temp / "root/demo");
  std::filesystem::create_directory_symlink(real.parent_path(), temp / "root/evil");
  std::filesystem::create_directory_symlink(real, temp / "root/demo/vm-0");
  for (const char* path : {"root/evil/vm-0", "root/demo/vm-0"}) {
    try {
      InstanceDirectory::open(temp / path);
      FAIL("it was followed: " << path);
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::conflict);
    }
  }
}

TEST_CASE("removal follows no link: neither as a wire nor as a staged file") {
  const TempDir temp;
  touch(temp / "precious");
  const auto directory = InstanceDirectory::create(temp / "root", "demo", "vm-0");
  touch(directory.file(instance_file::kIntent));
  std::filesystem::create_symlink(temp / "precious", directory.file(instance_file::kSerial));
  directory.remove({"../../../precious", "/etc/passwd"});
  REQUIRE(std::filesystem::exists(temp / "precious"));
  REQUIRE_FALSE(std::filesystem::exists(directory.path()));
}

TEST_CASE("that a directory has been a machine's is told by any record, a damaged one too") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  touch(directory.file(instance_file::kLock));
  touch(directory.file(instance_file::kSerial));
  REQUIRE_FALSE(directory.has_records());
  for (const char* name : {"intent.json", "intent.json.corrupt", "state.json", "disks.json"}) {
    INFO(name);
    touch(directory.file(name));
    REQUIRE(directory.has_records());
    std::filesystem::remove(directory.file(name));
  }
}

TEST_CASE("removing wires keeps the records") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  touch(directory.file(instance_file::kState));
  touch(directory.file(instance_file::kControl));
  touch(directory.file("inject0"));
  directory.remove_wires();
  REQUIRE(std::filesystem::exists(directory.file(instance_file::kState)));
  REQUIRE(std::filesystem::exists(directory.file("inject0")));
  REQUIRE_FALSE(std::filesystem::exists(directory.file(instance_file::kControl)));
}

TEST_CASE("opening what does not exist says so") {
  const TempDir temp;
  try {
    InstanceDirectory::open(temp / "missing");
    FAIL("it was opened");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
  }
}
