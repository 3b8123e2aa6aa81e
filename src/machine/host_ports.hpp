// SPDX-License-Identifier: MIT
// Ports of the host: whether one can be had, and who has it. Private to this room.
#pragma once

#include <cstdint>
#include <optional>

#include <vmfleet/base/error.hpp>
#include <vmfleet/qemu/forward.hpp>

namespace vmfleet {

/// Why a forward's fixed host port cannot be had now; nullopt when it can. The error is a
/// `conflict` that names who has it, `host_unfit` for a privileged port, or `invalid_config` for an
/// address that is not this host's. Blocking. *Source*: proc(5), /proc/net/tcp and its likes.
std::optional<Error> find_port_problem(const Forward& forward);
/// A port that nobody has now, for a forward without a fixed one. *Errors*: `unavailable`.
std::uint16_t find_free_port(const Forward& forward);

}  // namespace vmfleet
