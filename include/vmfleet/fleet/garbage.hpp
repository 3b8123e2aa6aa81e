// SPDX-License-Identifier: MIT
// Garbage: what commands that were killed, and hosts that were restarted, have left behind.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

enum class GarbageKind {
  machine,    ///< the folder of a machine that nobody can start again, or that needs none for it
  run,        ///< the folder of a `vmfleet run` that was killed
  record,     ///< a damaged record that was set aside
  temporary,  ///< a file or folder that was not finished
  image,      ///< a guest of the cache; never garbage unasked
  cache,      ///< what is kept of a QEMU, kernel or image that is gone, or that nobody uses
  process,    ///< a QEMU of ours whose machine's folder is gone
};

std::string_view to_string(GarbageKind kind) noexcept;

struct Garbage {
  Garbage() = default;
  Garbage(GarbageKind what, std::filesystem::path where, std::string why)
      : kind(what), path(std::move(where)), reason(std::move(why)) {}

  GarbageKind kind = GarbageKind::temporary;
  std::filesystem::path path;  ///< of a process: its machine's folder, as it was
  std::optional<pid_t> pid;
  Bytes size;                  ///< that it takes on the disk
  std::string reason;          ///< why it is garbage, or why it stays
  std::optional<Error> error;  ///< it should have gone, and could not

  [[nodiscard]] json::Value to_json() const;
};

struct GarbageReport {
  GarbageReport() = default;

  std::vector<Garbage> removed;  ///< or what would be, in a dry run
  std::vector<Garbage> kept;     ///< what looks like garbage and stays

  [[nodiscard]] Bytes size() const;
  [[nodiscard]] bool failed() const;
};

struct GarbageOptions {
  GarbageOptions() = default;

  std::filesystem::path state_root;
  std::filesystem::path cache_root;
  bool dry_run = false;  ///< only look
};

/// Removes what nothing uses any more, of all fleets of a state root, of machines with a root of
/// their own, and of the cache.
///
/// Never touched: what lives or is being worked on; what ended in this boot of the host and can be
/// started again; disks of machines that were not ephemeral; keys; images; templates that machines
/// are started from just now. Templates and unpacked kernels go that nothing was started with for
/// 30 days, templates also when their QEMU, kernel or image is gone. *Errors*: only for what
/// concerns all of it; what could not be removed is in the report.
Task<GarbageReport> collect_garbage(GarbageOptions options);

/// What a file or folder takes on the disk. Links are not followed.
Bytes size_on_disk(const std::filesystem::path& path);

}  // namespace vmfleet
