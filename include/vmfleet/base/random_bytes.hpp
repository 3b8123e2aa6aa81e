// SPDX-License-Identifier: MIT
// Random bytes of the host.
#pragma once

#include <cstddef>
#include <string>

namespace vmfleet {

/// Fit for keys. At most 256 at a time. *Errors*: `unavailable` where the kernel gives none.
std::string random_bytes(std::size_t count);

}  // namespace vmfleet
