// SPDX-License-Identifier: MIT
// What `doctor` finds, as a document.
#pragma once

#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/json.hpp>

#include "cli/context.hpp"
#include "cli/host_checks.hpp"

namespace vmfleet::cli {

/// All checks of this host, after one guest was tried on KVM.
Task<std::vector<Check>> examine_host(const Context& context);

bool is_fit(const std::vector<Check>& checks);
/// `vmfleet.doctor/1`.
json::Object doctor_document(const std::vector<Check>& checks);

}  // namespace vmfleet::cli
