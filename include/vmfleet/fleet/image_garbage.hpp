// SPDX-License-Identifier: MIT
// Removing images of the cache that nobody needs.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/fleet/garbage.hpp>

namespace vmfleet {

/// Which images are to go.
struct ImageRemoval {
  ImageRemoval() = default;

  std::vector<std::string> names;
  std::string arch;    ///< "x86_64", "aarch64"; empty: of each
  bool force = false;  ///< also those that stopped machines, snapshots and templates were made with
};

/// Removes all images of these names, as many as can be; each is gone from one moment to the next.
///
/// What a machine of this state root, a snapshot or a template was started with stays, with an
/// error in the report that names the user and what to do: `conflict`, as for one that is being
/// built. *Errors*: `not_found` for a name that no image has, with nothing removed.
Task<GarbageReport> remove_images(ImageRemoval removal, GarbageOptions options);

/// Removes images that are not the newest of their name and architecture, unless somebody needs
/// them as above: those are in `kept`. And the rest of what `collect_garbage` finds beside them:
/// kernels that nothing was started with for 30 days, and what was not finished.
Task<GarbageReport> prune_images(GarbageOptions options);

}  // namespace vmfleet
