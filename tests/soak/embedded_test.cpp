// SPDX-License-Identifier: MIT
// One process that boots and ends machines for a long time: nothing grows.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

std::filesystem::path vmfleet::test::qemu_under_test() {
  return "qemu-system-x86_64";
}

namespace {

constexpr std::size_t kSlots = 8;
constexpr std::size_t kWarmUp = 2;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMemoryIsKept = true;  // what was freed is, to catch its use
#elif defined(__has_feature)
constexpr bool kMemoryIsKept = __has_feature(address_sanitizer);
#else
constexpr bool kMemoryIsKept = false;
#endif

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

/// *Source*: proc(5), /proc/PID/statm, in pages of 4 KiB.
std::ptrdiff_t resident_kib() {
  std::ptrdiff_t size = 0;
  std::ptrdiff_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4;
}

MachineConfig slot_config(std::size_t slot, const std::string& guest) {
  MachineConfig config = with_forward(config_of(guest));
  config.name = fmt::format("vm-{}", slot);
  return config;
}

/// One machine's life, of one of the kinds that there are.
Task<void> live_once(Chance* chance, std::size_t slot) {
  const int kind = chance->below(5);
  const std::string guest = kind == 0 ? "button" : kind == 1 ? "echo" : "marker";
  const MachineConfig config = slot_config(slot, guest);
  const LaunchOptions options = ephemeral();
  if (kind == 4) {  // given up on before it is ready, or soon after
    try {
      const Milliseconds limit(chance->below(300));
      co_await with_timeout(limit, boot(config, options));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timed_out) throw;
    }
    co_return;
  }
  Machine machine = co_await boot(config, options);
  if (kind == 0) co_await machine.stop();
  if (kind == 1) {
    co_await machine.send("hello\n");
    const Readiness answer = on_serial("hello");
    co_await machine.wait_for(answer);
  }
  if (kind == 2) {
    ::kill(machine.pid(), SIGKILL);
    co_await machine.wait_exit();
  }
}

struct Usage {
  std::ptrdiff_t descriptors = 0;
  std::ptrdiff_t kib = 0;
};

Task<void> round(Chance* chance) {
  auto body = [chance](TaskGroup& group) -> Task<void> {
    for (std::size_t slot = 0; slot < kSlots; ++slot) group.start(&live_once, chance, slot);
    co_return;
  };
  co_await with_task_group(body);
}

Task<std::vector<Usage>> rounds(Chance* chance, std::size_t count) {
  std::vector<Usage> usage;
  for (std::size_t i = 0; i < count; ++i) {
    co_await round(chance);
    Usage now;
    now.descriptors = open_descriptors();
    now.kib = resident_kib();
    usage.push_back(now);
  }
  co_return usage;
}

}  // namespace

TEST_CASE("R27: a process that boots machines all the time does not grow") {
  ProcessLeakGuard guard;
  Chance chance("R27");
  const auto count = static_cast<std::size_t>(amount(8, 400));
  const auto usage = testkit::run_async(rounds(&chance, count), std::chrono::hours(2));
  const Usage& first = usage[kWarmUp];
  const Usage& last = usage.back();
  for (std::size_t i = kWarmUp; i < usage.size(); ++i) {
    CHECK(usage[i].descriptors == first.descriptors);
  }
  if (!kMemoryIsKept) CHECK(last.kib - first.kib < 1024);
  const Usage& middle = usage[(kWarmUp + usage.size()) / 2];
  tell("R27",
       fmt::format(
           "{} machines: {} descriptors at the end as after {}; memory grew by {} KiB in the "
           "first half, by {} in the second",
           count * kSlots, last.descriptors, kWarmUp * kSlots, middle.kib - first.kib,
           last.kib - middle.kib));
  CHECK(guard.leaked().empty());
}
