// SPDX-License-Identifier: MIT
// Whether this host has room for more machines. Private to this room.
#pragma once

#include <cstddef>

#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// *Errors*: `host_unfit`, saying what is missing and what is there.
void require_host_room(Bytes guest_memory, std::size_t machines);

}  // namespace vmfleet
