// SPDX-License-Identifier: MIT
// StartOrder: what each machine has reached, and what never comes.
#include "fleet/start_order.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

constexpr std::array kInOrder = {DependencyCondition::started, DependencyCondition::ready,
                                 DependencyCondition::completed};

std::size_t index_of(DependencyCondition condition) {
  return static_cast<std::size_t>(condition);
}

}  // namespace

StartOrder::StartOrder(const std::vector<MachineSpec>& machines) {
  Dependencies furthest;
  for (const auto& machine : machines) {
    standings_[machine.config.name].machine_class = machine.machine_class;
    for (const auto& [other, condition] : machine.depends_on) {
      const auto known = furthest.emplace(other, condition).first;
      known->second = std::max(known->second, condition);
    }
  }
  for (auto& [name, standing] : standings_) {
    const auto awaited = furthest.find(standing.machine_class);
    if (awaited != furthest.end()) standing.awaited = awaited->second;
  }
}

bool StartOrder::is_awaited(const std::string& name, DependencyCondition condition) const {
  const auto& awaited = standings_.at(name).awaited;
  return awaited && *awaited >= condition;
}

void StartOrder::reached(const std::string& name, DependencyCondition condition) {
  Standing& standing = standings_.at(name);
  standing.reached = std::max(condition, standing.reached.value_or(condition));
  for (const auto each : kInOrder) {
    if (each <= condition) standing.decided[index_of(each)].set();
  }
}

void StartOrder::finished(const MachineReport& report) {
  Standing& standing = standings_.at(report.name);
  // One that has ended, and not failed, was to end.
  const bool was_ready = report.good() || report.state == MachineState::stopped;
  if (!report.error && (was_ready || report.pid)) {
    reached(report.name, was_ready ? DependencyCondition::ready : DependencyCondition::started);
  }
  if (!report.error) {
    standing.obstacle = fmt::format("is {}", to_string(report.state));
    if (report.state == MachineState::paused) {
      standing.remedy = fmt::format("let it run with `vmfleet resume {}`", report.name);
    }
  } else if (standing.held_back) {
    standing.obstacle = fmt::format("was {}", report.error->message());
    standing.remedy = report.error->hint();
  } else {
    standing.obstacle = fmt::format("failed: {}", report.error->message());
    standing.remedy = fmt::format("see what is said of {}; then repeat `vmfleet up`", report.name);
  }
  for (Event& event : standing.decided) event.set();
}

Task<void> StartOrder::await_turn(const MachineSpec& machine,
                                  std::function<void(std::string_view)> tell) {
  Standing& own = standings_.at(machine.config.name);
  own.held_back = true;  // and stays so if this throws
  for (const auto& [needed_class, condition] : machine.depends_on) {
    bool told = false;
    for (const auto& [name, standing] : standings_) {
      if (standing.machine_class != needed_class) continue;
      const bool waits = !standing.decided[index_of(condition)].is_set();
      if (waits && !told) tell(fmt::format("waits for {}", needed_class));
      told = told || waits;
      co_await await_one(name, condition);
    }
  }
  own.held_back = false;
}

Task<void> StartOrder::await_one(const std::string& name, DependencyCondition condition) {
  Standing& standing = standings_.at(name);
  co_await standing.decided[index_of(condition)].wait();
  if (standing.reached && *standing.reached >= condition) co_return;
  throw Error(ErrorKind::unavailable,
              fmt::format("not started: {}, which it depends on, {}", name, standing.obstacle))
      .hint(standing.remedy);
}

}  // namespace vmfleet
