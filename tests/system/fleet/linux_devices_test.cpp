// SPDX-License-Identifier: MIT
// What Linux in a guest finds of its devices is what was asked for.
#include <sys/stat.h>

#include <fmt/format.h>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/in_guest.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::vector<std::string> kAllOfThem;

const std::string kLinux = R"(
[machine.vm]
image = "tiny"
accel = "tcg"
)";

FleetSpec linux_fleet(const TempDir& root, const std::string& keys) {
  SpecOptions options;
  options.state_root = root / "state";
  options.fleet = "demo";
  return FleetSpec::parse(kLinux + keys, root / "vmfleet.toml", SpecFormat::toml, options);
}

Task<Machine> only_machine(const Fleet& fleet) {
  co_return co_await Machine::adopt(fleet.directory_of("vm"));
}

void require_good(const FleetReport& report) {
  for (const auto& machine : report.machines) {
    if (machine.error) FAIL(machine.error->message());
  }
}

/// A program without a library that is Linux's first: it says a line and stays.
constexpr const char* kInit = R"(
.globl _start
_start:
  mov $1, %eax
  mov $1, %edi
  lea text(%rip), %rsi
  mov $length, %edx
  syscall
1:
  mov $34, %eax
  syscall
  jmp 1b
text: .ascii "init from the host's folder\n"
.set length, . - text
)";

Task<void> build_init(std::filesystem::path folder) {
  files::write_atomically(folder / "init.S", kInit);
  std::vector<std::string> argv{"cc", "-nostdlib",          "-static",
                                "-o", folder / "sbin/init", folder / "init.S"};
  ProcessOptions options(std::move(argv));
  const ProcessOutput output = co_await run_process(std::move(options));
  INFO(output.err);
  REQUIRE(output.status.success());
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("folders of the host are read, written or refused as their mode says") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::create_directory(root / "shared");
  files::write_atomically(root / "shared/greeting", "from the host");
  Fleet fleet(root / "state", "demo");
  const FleetReport up = co_await fleet.up(linux_fleet(root, R"(
ready = { serial = "vmfleet: guest ready", agent = true }
share = [
  { path = "shared", tag = "source" },
  { path = "shared", tag = "out", mode = "rw" },
  { type = "vfat", path = "shared", tag = "SEED" },
]
)"));
  require_good(up);
  {
    Machine machine = co_await only_machine(fleet);
    const std::string said = co_await said_in_guest(machine, R"(
mkdir -p /s /o /v
mount -t 9p -o trans=virtio,version=9p2000.L source /s; cat /s/greeting; echo " by 9p."
touch /s/new 2>/dev/null || echo read-only.
mount -t 9p -o trans=virtio,version=9p2000.L out /o; echo from the guest >/o/answer
mount -t vfat -o ro /dev/vda1 /v; cat /v/GREETING; echo " by vfat."
echo x 2>/dev/null >/dev/vda || echo no writing.
)");
    INFO(said);
    for (const char* line :
         {"from the host by 9p.", "read-only.", "from the host by vfat.", "no writing."}) {
      REQUIRE_THAT(said, ContainsSubstring(line));
    }
  }
  REQUIRE(files::read(root / "shared/answer") == "from the guest\n");
  REQUIRE_FALSE(std::filesystem::exists(root / "shared/new"));
  co_await fleet.down(kAllOfThem, StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a folder of the host is the root file system") {
  ProcessLeakGuard guard;
  const TempDir root;
  std::filesystem::create_directories(root / "system/sbin");
  co_await build_init(root / "system");
  Fleet fleet(root / "state", "demo");
  const FleetReport up = co_await fleet.up(linux_fleet(root, R"(
ready = { serial = "init from the host's folder" }
share = [{ path = "system", tag = "rootfs", root = true }]
)"));
  require_good(up);
  REQUIRE(up.ready() == 1);
  co_await fleet.down(kAllOfThem, StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("processors, memory, arguments, addresses and devices reach the guest") {
  ProcessLeakGuard guard;
  const TempDir root;
  Fleet fleet(root / "state", "demo");
  const FleetReport up = co_await fleet.up(linux_fleet(root, R"(
cpus = 2
memory = "320M"
append = ["for={name}", 'quoted="a b"']
balloon = true
ready = { serial = "vmfleet: guest ready", agent = true }
net = [{ mac = "52:54:00:12:34:56" }]
)"));
  require_good(up);
  Machine machine = co_await only_machine(fleet);
  const std::string said = co_await said_in_guest(machine, R"(
echo cpus: $(nproc).
echo memory: $(( $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024 > 256 )).
echo mac: $(cat /sys/class/net/eth0/address).
echo rng: $(cat /sys/class/misc/hw_random/rng_current).
for device in /sys/bus/virtio/devices/*/modalias; do cat $device; done
cat /proc/cmdline
)");
  INFO(said);
  for (const char* line :
       {"cpus: 2.", "memory: 1.", "mac: 52:54:00:12:34:56.", "rng: virtio_rng", "virtio:d00000005v",
        "console=ttyS0", "TERM=dumb", "for=vm", "quoted=\"a b\""}) {
    REQUIRE_THAT(said, ContainsSubstring(line));
  }
  auto client = co_await machine.connect();
  json::Object target;
  target.set("value", std::int64_t{200 << 20});
  co_await client.execute("balloon", std::move(target));
  client.close();
  co_await fleet.down(kAllOfThem, StopOptions::kill());
}
