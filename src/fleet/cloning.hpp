// SPDX-License-Identifier: MIT
// Cloning: which machines of one `up` start from a template, and from which. Private to this room.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>
#include <vmfleet/fleet/template_store.hpp>

#include "fleet/operation.hpp"

namespace vmfleet {

/// Why a machine that is to be cloned is booted, as far as that is known before a template is made.
std::optional<std::string> why_booted(const MachineSpec& machine);

/// The same, when these are kept. Blocking. *Errors*: as `template_key`.
std::optional<std::string> why_booted(const MachineSpec& machine,
                                      const std::vector<MachineTemplate>& kept);

inline constexpr std::string_view kHasDisk = "it has a disk already, from an earlier start";
inline constexpr std::string_view kUnlikeOthers = "it is not like the others of its class";

/// Whether what an earlier start wrote to its disks is to stay. Blocking. *Errors*: what is wrong
/// with them.
bool has_disk(const MachineSpec& machine, const std::filesystem::path& directory, bool recreate);

/// Takes from the plan what an `up` would find out with a closer look at disks, siblings and
/// templates. Blocking. *Errors*: as `template_key`.
void look_at_clones(UpPlan& plan, const std::vector<MachineSpec>& machines,
                    const std::filesystem::path& fleet_folder, bool recreate);

/// Of the template that it is cloned from. Blocking. *Errors*: as `template_key`.
std::string template_key_of(const MachineSpec& machine);

/// A clone waits for its QEMU most of the time, and computes little itself.
inline constexpr std::size_t kClonesPerBoot = 4;

/// *Lifetime*: outlives the tasks that ask it, and `operation` outlives it.
class Cloning {
 public:
  explicit Cloning(const Operation& operation) : operation_(operation) {}

  /// Nullopt, with the reason told, when the machine is to be booted. Of machines that want the
  /// same template the first has it made, which takes one of `boots`, and the others wait for that:
  /// who asks has none. *Lifetime*: `machine` and `boots` outlive the task.
  Task<std::optional<MachineTemplate>> template_for(const MachineSpec& machine, Semaphore& boots);
  /// Tells why it is booted instead, once for all machines of a class.
  void warn(const MachineSpec& machine, std::string_view why);
  /// A machine could not be started from it.
  void distrust(const MachineTemplate& original) { distrusted_.insert(original.key); }
  /// Removes those that are not trusted, unless others use them. When nobody waits for one.
  void forget_distrusted();

 private:
  struct Group {
    Event settled;
    std::optional<MachineTemplate> found;
  };

  Task<void> settle(Group& group, std::string key, const MachineSpec& machine, Semaphore& boots);
  Task<MachineTemplate> make(std::string key, const MachineSpec& machine, Semaphore& boots);
  void tell_once(const std::string& text);
  bool is_wanted(const MachineSpec& machine, const MachineTemplate& original);

  const Operation& operation_;
  TemplateStore store_;
  std::map<std::pair<std::string, Cloned>, std::unique_ptr<Group>> groups_;  ///< by key
  std::map<std::string, std::string> keys_;  ///< of the first machine of each class
  std::set<std::string> distrusted_;
  std::set<std::string> told_;
};

}  // namespace vmfleet
