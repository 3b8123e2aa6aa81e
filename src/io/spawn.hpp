// SPDX-License-Identifier: MIT
// spawn_child: the system calls between a request and a running program. Private to this room.
#pragma once

#include <vmfleet/io/process.hpp>

namespace vmfleet::detail {

struct SpawnedChild {
  Pidfd pidfd;
  UniqueFd lifeline;  // open while a child that dies with its owner may live
};

SpawnedChild spawn_child(const ProcessOptions& options);

}  // namespace vmfleet::detail
