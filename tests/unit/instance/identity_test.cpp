// SPDX-License-Identifier: MIT
// Which process is a machine's QEMU: never a number from a file.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

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
      const int done = ::fcntl(ready[1], F_DUPFD, 20);  // out of QEMU's descriptors' way
      prepare();
      static_cast<void>(!::write(done, "x", 1));
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

TEST_CASE("QEMU lives also when `alive` was removed, or something else is in its place") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const auto alive = directory.file(instance_file::kAlive);
  std::optional<Child> qemu;
  qemu.emplace([&] { lock_pid_file(directory); });
  REQUIRE(is_alive(directory));
  std::ofstream(alive) << "";
  REQUIRE(is_alive(directory));
  std::filesystem::remove(alive);
  std::filesystem::create_symlink("elsewhere", alive);
  REQUIRE(is_alive(directory));
  qemu.reset();
  std::filesystem::remove(alive);
  REQUIRE_FALSE(is_alive(directory));
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
  const Child qemu([&] { ::dup2(lock.get(), kAliveDescriptor); });
  lock.reset();
  const auto found = find_qemu(directory);
  REQUIRE(found.has_value());
  REQUIRE(found->pid() == qemu.pid());
}

TEST_CASE("a command that starts the machine is not taken for it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  UniqueFd alive = lock_alive(directory);
  const Child command([&] {
    ::dup2(alive.get(), kAliveDescriptor);
    static_cast<void>(::open(directory.file(instance_file::kLock).c_str(), O_RDWR | O_CREAT, 0600));
  });
  alive.reset();
  REQUIRE(is_alive(directory));
  REQUIRE_FALSE(find_qemu(directory).has_value());
}

TEST_CASE("a command that looks at the machine is not taken for it") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const UniqueFd alive = lock_alive(directory);
  const auto open_alive = [&] {
    const int fd = ::open(directory.file(instance_file::kAlive).c_str(), O_RDWR);
    ::dup2(fd, kAliveDescriptor);
  };
  const Child with_it_open(open_alive);
  REQUIRE_FALSE(find_qemu(directory).has_value());
  ::flock(alive.get(), LOCK_UN);
  const Child with_a_shared_lock([&] {
    open_alive();
    ::flock(kAliveDescriptor, LOCK_SH);
  });
  REQUIRE_FALSE(find_qemu(directory).has_value());
}

TEST_CASE("a process is proven again to be QEMU, and is no longer when it has ended") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  std::optional<Child> qemu;
  qemu.emplace([&] { lock_pid_file(directory); });
  const Child other([] {});
  const auto found = find_qemu(directory);
  REQUIRE(found.has_value());
  REQUIRE(is_qemu_of(directory, *found));
  REQUIRE_FALSE(is_qemu_of(directory, *Pidfd::open(other.pid())));
  qemu.reset();
  REQUIRE_FALSE(is_qemu_of(directory, *found));
}

TEST_CASE("a directory without a process has none") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(find_qemu(directory).has_value());
}
