// SPDX-License-Identifier: MIT
// What is put into a guest may be a secret, and what is shown may be passed on.
#pragma once

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

/// A machine's description with the sizes of injected texts in their place.
json::Value without_injected_texts(const json::Value& machine);

}  // namespace vmfleet::cli
