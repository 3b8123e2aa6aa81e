// SPDX-License-Identifier: MIT
// UpUnderWay: what the machines of one `up` have in common. Private to this room.
#pragma once

#include <filesystem>
#include <list>
#include <optional>
#include <string>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/machine/machine.hpp>

#include "fleet/cloning.hpp"
#include "fleet/operation.hpp"
#include "fleet/start_order.hpp"

namespace vmfleet {

/// *Lifetime*: outlives the tasks that converge its machines. *Threads*: its loop's own.
struct UpUnderWay {
  UpUnderWay(Loop& its_loop, std::filesystem::path state_root, std::string fleet_name,
             Lifetime machines_lifetime, UpOptions up_options)
      : loop(its_loop),
        root(std::move(state_root)),
        fleet(std::move(fleet_name)),
        lifetime(machines_lifetime),
        options(std::move(up_options)),
        operation(loop, options.progress),
        cloning(operation) {}

  [[nodiscard]] std::filesystem::path directory_of(const std::string& name) const {
    return root / fleet / name;
  }

  Loop& loop;
  std::filesystem::path root;
  std::string fleet;
  Lifetime lifetime;
  UpOptions options;
  Operation operation;
  Cloning cloning;
  std::optional<Semaphore> slots;        ///< once it is known how many may be in their boot
  std::optional<Semaphore> clone_slots;  ///< and how many may be cloned
  std::optional<StartOrder> order;       ///< once it is known which machines there are
  std::list<Machine> started;            ///< by this call
};

}  // namespace vmfleet
