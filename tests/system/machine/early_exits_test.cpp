// SPDX-License-Identifier: MIT
// Every way to end early that a real QEMU could be brought to here: its class, what to do about it,
// and QEMU's own words.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

using Arguments = std::vector<std::string>;

/// What the exits need: files that are wrong in one way each, a port that is taken.
class Traps {
 public:
  Traps() : taken_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(taken_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(taken_.get(), 1) == 0);
    REQUIRE(::getsockname(taken_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = std::to_string(ntohs(address.sin_port));
    std::ofstream(file("raw")) << std::string(64, 'r');
    std::ofstream(file("large")).close();
    std::filesystem::resize_file(file("large"), 1 << 30);
    std::filesystem::copy_file("/bin/true", file("program"));
  }

  [[nodiscard]] std::string file(const char* name) const { return (folder_ / name).string(); }
  [[nodiscard]] const std::string& folder() const { return folder_.path().native(); }
  [[nodiscard]] const std::string& port() const { return port_; }

  /// A QEMU that does this first when a machine is to be started, not when it is looked at.
  [[nodiscard]] std::string qemu_after(const std::string& line) const {
    const auto path = folder_ / "qemu-system-x86_64";
    const auto real = QemuBinary::probe("", Arch::x86_64).value().path;
    std::ofstream(path) << "#!/bin/sh\ncase \" $* \" in *' -name '*) " << line << ";; esac\nexec "
                        << real.string() << " \"$@\"\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }

 private:
  TempDir folder_;
  UniqueFd taken_;
  std::string port_;
};

struct Exit {
  std::string meaning;
  std::string words;  // QEMU's; "" when it says none
  Arguments arguments;
};

/// By what is added to the arguments of a machine that starts without them.
std::vector<Exit> exits_by_arguments(const Traps& traps) {
  const std::string raw = traps.file("raw");
  const std::string missing = traps.file("missing");
  return {
      {"does not know an option", "-no-such-option", {"-no-such-option"}},
      {"an option lacks its argument", "requires an argument", {"-bios"}},
      {"the gdb stub's port", "-gdb", {"-gdb", "tcp:127.0.0.1:" + traps.port()}},
      {"a forwarded port is taken",
       "host forwarding rule",
       {"-netdev", "user,id=x,hostfwd=tcp:127.0.0.1:" + traps.port() + "-:22"}},
      {"a forward is not one",
       "Bad host port",
       {"-netdev", "user,id=x,hostfwd=tcp:127.0.0.1:x-:1"}},
      {"not a multicast one", "multicast", {"-netdev", "socket,id=x,mcast=10.0.0.1:1234"}},
      {"in use by another process",
       "lock",
       {"-drive", "if=none,id=a,format=raw,file=" + raw, "-device", "virtio-blk-pci,drive=a",
        "-drive", "if=none,id=b,format=raw,file=" + raw, "-device", "virtio-blk-pci,drive=b"}},
      {"a file is missing", missing, {"-drive", "if=none,id=a,file=" + missing}},
      {"not qcow2", "qcow2", {"-drive", "if=none,id=a,format=qcow2,file=" + raw}},
      {"a path names a directory",
       "driver",
       {"-blockdev", "driver=file,node-name=a,filename=" + traps.folder()}},
      {"does not know a parameter",
       "nosuch",
       {"-blockdev", "driver=file,node-name=a,nosuch=1,filename=" + raw}},
      {"does not know a parameter", "nosuch", {"-chardev", "null,id=a,nosuch=1"}},
      {"not UTF-8", "JSON", {"-blockdev", "{ "}},
      {"the CPU model", "nosuch", {"-cpu", "nosuch"}},
      {"no such property", "nosuch", {"-cpu", "max,nosuch=on"}},
      {"needs KVM", "KVM", {"-cpu", "host"}},
      {"the machine type", "-machine help", {"-machine", "nosuch"}},
      {"does not know a property", "nosuch", {"-machine", "q35,nosuch=1"}},
      {"that many CPUs", "5000", {"-smp", "5000"}},
      {"topology", "topology", {"-smp", "cpus=3,cores=2,sockets=1,threads=1"}},
      {"no such device", "nosuch", {"-device", "nosuch"}},
      {"does not know a property", "nosuch", {"-device", "virtio-rng-pci,nosuch=1"}},
      {"refuses a property's value", "zz", {"-device", "virtio-net-pci,mac=zz"}},
      {"names a bus", "nosuch", {"-device", "isa-serial,bus=nosuch"}},
      {"a PCI slot is taken",
       "slot",
       {"-device", "virtio-rng-pci,addr=1e", "-device", "virtio-rng-pci,addr=1e"}},
      {"the same id",
       "Duplicate",
       {"-device", "virtio-rng-pci,id=a", "-device", "virtio-rng-pci,id=a"}},
      {"the firmware cannot be loaded", missing, {"-bios", missing}},
      {"a file is missing",
       missing,
       {"-fsdev", "local,id=f,security_model=none,path=" + missing, "-device",
        "virtio-9p-pci,fsdev=f,mount_tag=t"}},
      {"the same name",
       "opt/a",
       {"-fw_cfg", "name=opt/a,string=1", "-fw_cfg", "name=opt/a,string=2"}},
      {"the memory file cannot be opened",
       missing,
       {"-object", "memory-backend-file,id=m,size=32M,mem-path=" + missing + "/m"}},
      {"another size",
       "size",
       {"-object", "memory-backend-ram,id=m,size=64M", "-machine", "memory-backend=m"}},
      {"the host cannot provide", "memory", {"-m", "1024T,maxmem=2048T"}},
      {"something that is not there", "nosuch", {"-device", "virtio-blk-pci,drive=nosuch"}},
      {"no vsock", "vhost", {"-device", "vhost-vsock-pci,guest-cid=3"}},
      {"QEMU exited with status 0", "", {"-version"}},
  };
}

Error exit_of(const MachineConfig& config) {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options;
  options.state_root = root.path();
  Error failure = testkit::run_async(error_of(Machine::launch(config, options)));
  CHECK(guard.leaked().empty());
  CHECK(std::filesystem::is_empty(root.path()));
  return failure;
}

void check(const Error& error, const std::string& meaning, const std::string& words) {
  INFO(error.what());
  CHECK_THAT(error.message(), ContainsSubstring(meaning));
  CHECK_FALSE(error.hint().empty());
  CHECK_THAT(join(error.evidence(), "\n"), ContainsSubstring(words));
}

}  // namespace

TEST_CASE("a QEMU that does not accept its arguments") {
  const Traps traps;
  for (const Exit& exit : exits_by_arguments(traps)) {
    MachineConfig config = config_of("marker");
    config.qemu_args = exit.arguments;
    INFO(exit.meaning << " / " << exit.words);
    check(exit_of(config), exit.meaning, exit.words);
  }
}

TEST_CASE("a QEMU that cannot use its kernel or initrd") {
  const Traps traps;
  MachineConfig config = config_of("marker");
  config.kernel = traps.folder();
  check(exit_of(config), "the kernel cannot be read", "directory");
  config.kernel = traps.file("program");
  check(exit_of(config), "without a PVH entry", "PVH");
  config.kernel = traps.file("raw");
  check(exit_of(config), "not a Linux kernel", "header");
  config = config_of("marker");
  config.initrd = traps.folder();
  check(exit_of(config), "the initrd cannot be read", "initrd");
  config.initrd = traps.file("large");
  check(exit_of(config), "does not fit", "initrd");
  config = config_of("marker");
  config.kernel.clear();
  config.qemu_args = {"-append", "quiet"};
  check(exit_of(config), "need a kernel", "-kernel");
}

TEST_CASE("a QEMU that its host does not let run") {
  const Traps traps;
  MachineConfig config = config_of("marker");
  config.qemu = traps.qemu_after("ulimit -n 12");
  check(exit_of(config), "file descriptors", "Too many open files");
  config.qemu = traps.qemu_after("kill -KILL $$");
  check(exit_of(config), "signal 9", "");
  config.qemu = traps.qemu_after("kill -SEGV $$");
  check(exit_of(config), "signal 11", "");
  config.qemu = traps.qemu_after("exit 127");
  check(exit_of(config), "could not be executed", "");
  config.qemu =
      traps.qemu_after("echo 'x: error while loading shared libraries: liby.so' >&2; exit 127");
  check(exit_of(config), "incomplete", "liby.so");
}
