// SPDX-License-Identifier: MIT
// Which process is a machine's QEMU: never a number from a file.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/locks.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

/// A child that does `prepare`, then lives until this is destroyed.
class Child {
 public:
  template <class Prepare>
  explicit Child(Prepare prepare) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      prepare();
      static_cast<void>(!::write(ready[1], "x", 1));
      for (;;) ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

void lock_pid_file(const InstanceDirectory& directory) {
  const int fd = ::open(directory.file(instance_file::kPid).c_str(), O_RDWR | O_CREAT, 0600);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  ::fcntl(fd, F_SETLK, &lock);
}

}  // namespace

TEST_CASE("the holder of the pid file's lock is QEMU, whatever number the file contains") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  std::ofstream(directory.file(instance_file::kPid)) << "1\n";
  const Child qemu([&] { lock_pid_file(directory); });
  const auto found = find_qemu(directory);
  REQUIRE(found.has_value());
  REQUIRE(found->pid() == qemu.pid());
}

TEST_CASE("a pid file that nobody locks names nobody, even when its number is a live process") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  std::ofstream(directory.file(instance_file::kPid)) << ::getppid() << "\n";
  REQUIRE_FALSE(find_qemu(directory).has_value());
}

TEST_CASE("before QEMU wrote its pid file it is found by the alive file that it inherited") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  UniqueFd lock = lock_alive(directory);
  const Child qemu([] {});
  lock.reset();
  const auto found = find_qemu(directory);
  REQUIRE(found.has_value());
  REQUIRE(found->pid() == qemu.pid());
}

TEST_CASE("a directory without a process has none") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(find_qemu(directory).has_value());
}
