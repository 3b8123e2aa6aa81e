// SPDX-License-Identifier: MIT
#include <vmfleet/fleet/ssh_key.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

template <class Action>
Error failure_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::internal, "it did not fail");
}

/// A PATH of this process for the time of a test.
class Path {
 public:
  explicit Path(const char* path) : before_(std::getenv("PATH")) { ::setenv("PATH", path, 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("a state root gets one key pair, which is its owner's alone and no fleet") {
  const TempDir temp;
  const auto root = temp / "deep/state";
  testkit::run_async(make_ssh_key(root));
  const auto key = default_ssh_key(root);
  REQUIRE(mode_of(key) == 0600);
  REQUIRE(mode_of(key.parent_path()) == 0700);
  const std::string line = read_public_key(key);
  REQUIRE(line.rfind("ssh-ed25519 ", 0) == 0);
  REQUIRE(line.find(" vmfleet") != std::string::npos);
  testkit::run_async(make_ssh_key(root));
  REQUIRE(read_public_key(key) == line);
  REQUIRE(list_fleets(root).empty());
}

TEST_CASE("of two that make the pair at once, both use the same one") {
  const TempDir temp;
  auto both = [&]() -> Task<void> {
    co_await when_all(make_ssh_key(temp.path()), make_ssh_key(temp.path()),
                      make_ssh_key(temp.path()));
  };
  testkit::run_async(both());
  REQUIRE_FALSE(read_public_key(default_ssh_key(temp.path())).empty());
  const std::filesystem::directory_iterator entries(temp.path());
  REQUIRE(std::distance(begin(entries), end(entries)) == 1);
}

TEST_CASE("half of a pair is not replaced") {
  const TempDir temp;
  std::filesystem::create_directory(temp / ".ssh");
  std::ofstream(temp / ".ssh/id_ed25519") << "somebody's";
  const Error error = failure_of([&] { testkit::run_async(make_ssh_key(temp.path())); });
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE(files::read(temp / ".ssh/id_ed25519") == "somebody's");
}

TEST_CASE("what stands in the place of the keys' folder is named, and stays") {
  const TempDir temp;
  std::filesystem::create_symlink("elsewhere", temp / ".ssh");
  const Error error = failure_of([&] { testkit::run_async(make_ssh_key(temp.path())); });
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(), ContainsSubstring(".ssh is not a directory"));
  REQUIRE_THAT(error.hint(), ContainsSubstring("move it away"));
  REQUIRE(std::filesystem::is_symlink(temp / ".ssh"));
}

TEST_CASE("without ssh-keygen it is said what is missing, and nothing is left") {
  const TempDir temp;
  const Path path("/nowhere");
  const Error error = failure_of([&] { testkit::run_async(make_ssh_key(temp.path())); });
  REQUIRE(error.kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(error.hint(), ContainsSubstring("openssh-client"));
  REQUIRE(std::filesystem::is_empty(temp.path()));
}

TEST_CASE("a key of the user's needs both halves") {
  const TempDir temp;
  const auto key = temp / "id";
  const auto problem = [&] { return failure_of([&] { read_public_key(key); }); };
  REQUIRE_THAT(problem().what(), ContainsSubstring("the SSH key"));
  std::ofstream(key) << "private";
  REQUIRE_THAT(problem().what(), ContainsSubstring("the public half"));
  REQUIRE_THAT(problem().hint(), ContainsSubstring("ssh-keygen -y"));
  std::ofstream(key.string() + ".pub") << "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  REQUIRE_THAT(problem().what(), ContainsSubstring("is no public SSH key"));
  std::ofstream(key.string() + ".pub") << "ssh-ed25519 AAAA ada\n";
  REQUIRE(read_public_key(key) == "ssh-ed25519 AAAA ada");
  REQUIRE(problem().kind() == ErrorKind::internal);
}

TEST_CASE("a machine's login is what its start recorded") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  Intent intent;
  write_intent(directory, intent);
  REQUIRE_FALSE(ssh_login(directory.path()));
  intent.ssh.emplace("ada", "/k");
  write_intent(directory, intent);
  REQUIRE(ssh_login(directory.path()) == SshLogin("ada", "/k"));
}
