// SPDX-License-Identifier: MIT
#include "fleet/admission.hpp"

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

std::vector<MachineSpec> machines(std::size_t count, Accelerator accel) {
  std::vector<MachineSpec> specs(count);
  for (std::size_t i = 0; i < count; ++i) {
    specs[i].config.name = "vm-" + std::to_string(i);
    specs[i].config.accel = accel;
    specs[i].config.memory = Bytes::mebi(40);
    specs[i].ready.serial = {"ready"};
  }
  return specs;
}

UpPlan plan_of(const std::vector<MachineSpec>& specs, UpOptions options = UpOptions()) {
  return plan_up("/no/such/fleet", specs, options);
}

}  // namespace

TEST_CASE("an emulated boot has a processor to itself, others share one") {
  REQUIRE(bound_boots(2, false, true).machines == 2);
  REQUIRE(bound_boots(2, false, false).machines == 4);
}

TEST_CASE("on a busy host more boot at a time") {
  REQUIRE(bound_boots(2, true, true).machines == 8);
  REQUIRE(bound_boots(2, true, false).machines == 8);
}

TEST_CASE("a host is busy when others want all of its processors whenever one looks") {
  HostLoad load;
  REQUIRE_FALSE(load.is_busy(1));
  load.add(2);
  REQUIRE(load.is_busy(2));
  REQUIRE_FALSE(load.is_busy(4));
  load.add(0);
  REQUIRE_FALSE(load.is_busy(2));
  load.add(3);
  REQUIRE(load.is_busy(2));
}

TEST_CASE("one look at a host is one of them, and sees no more than there is") {
  HostLoad load;
  load.look();
  REQUIRE_FALSE(load.is_busy(1'000'000));
}

TEST_CASE("only a machine that is emulated and waited for boots emulated") {
  MachineSpec machine = machines(1, Accelerator::tcg).front();
  REQUIRE(boots_emulated(machine));
  SECTION("KVM") {
    machine.config.accel = Accelerator::kvm;
  }
  SECTION("it starts paused") {
    machine.config.paused = true;
  }
  SECTION("nobody waits for it") {
    machine.ready.serial.clear();
  }
  REQUIRE_FALSE(boots_emulated(machine));
}

TEST_CASE("who asks for a number of boots gets it") {
  UpOptions options;
  options.max_boot = 7;
  const UpPlan plan = plan_of(machines(3, Accelerator::tcg), options);
  REQUIRE(plan.boots_at_once == 7);
  REQUIRE(plan.why == "as asked for");
}

TEST_CASE("a plan adds up what machines need") {
  const UpPlan one = plan_of(machines(1, Accelerator::tcg));
  const UpPlan many = plan_of(machines(1'000, Accelerator::tcg));
  REQUIRE(many.memory.count() == 1'000 * one.memory.count());
  REQUIRE(one.memory > Bytes::mebi(40));
  REQUIRE(many.to_start.size() == 1'000);
  REQUIRE(many.running.empty());
  REQUIRE(many.descriptors > one.descriptors);
  REQUIRE(json::Value(many.to_json())["start"].as_array()->size() == 1'000);
}

TEST_CASE("of clones the memory of their template counts once, and a part of it for each") {
  auto specs = machines(9, Accelerator::tcg);
  for (auto& spec : specs) {
    spec.machine_class = "vm";
    spec.config.memory = Bytes::mebi(400);
    spec.config.agent = true;
  }
  const UpPlan booted = plan_of(specs);
  REQUIRE(booted.to_clone.empty());
  REQUIRE(booted.memory == Bytes::mebi(9 * (400 + 20)));
  for (auto& spec : specs) spec.clone = Cloned::yes;
  const UpPlan cloned = plan_of(specs);
  REQUIRE(cloned.to_clone.size() == 9);
  REQUIRE(cloned.memory == Bytes::mebi(400 + 9 * (100 + 20)));
  REQUIRE(cloned.descriptors > booted.descriptors);
  specs.front().config.agent = false;  // it has to be booted
  const UpPlan mixed = plan_of(specs);
  REQUIRE(mixed.to_clone.size() == 8);
  REQUIRE(mixed.memory == Bytes::mebi(400 + 20 + 400 + 8 * (100 + 20)));
}

TEST_CASE("what no host has is refused before anything starts") {
  UpPlan plan = plan_of(machines(8, Accelerator::tcg));
  plan.memory = Bytes::gibi(1 << 20);
  try {
    require_room(plan);
    FAIL("a petabyte was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::host_unfit);
    REQUIRE(error.message().find("8 machines need") == 0);
  }
  plan.memory = Bytes(1);
  REQUIRE_NOTHROW(require_room(plan));
  plan.descriptors = 2'000'000'000;
  REQUIRE_THROWS_AS(require_room(plan), Error);
}

TEST_CASE("where nothing is to be started, no memory is asked for") {
  UpPlan plan = plan_of({});
  plan.memory_available = Bytes(0);
  REQUIRE_NOTHROW(require_room(plan));
}
