// SPDX-License-Identifier: MIT
// Each thing is found out once for the whole fleet.
#include "fleet/completion.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/fleet/ssh_key.hpp>
#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/machine/host_qemu.hpp>

#include "fleet/dependencies.hpp"
#include "fleet/lan_hosts.hpp"
#include "fleet/lans.hpp"
#include "fleet/names.hpp"
#include "fleet/offers.hpp"

namespace vmfleet {

Task<std::vector<MachineSpec>> Completion::run(FleetSpec spec, const UpOptions& options) {
  std::vector<std::string> names;
  for (const auto& machine : spec.machines) names.push_back(machine.config.name);
  require_order(spec.machines);
  const auto selected = with_dependencies(spec.machines, select_names(names, options.names));
  FleetRecord record;
  const auto look = [&] { record = read_fleet_record(root_ / fleet_); };
  if (has_lan_addresses(spec.machines)) co_await offload(look);
  keep_lan_addresses(spec.machines, record);
  const std::vector<LanHost> neighbours = find_lan_hosts(spec, selected, record);
  std::vector<MachineSpec> machines;
  for (auto& machine : spec.machines) {
    if (std::find(selected.begin(), selected.end(), machine.config.name) == selected.end()) {
      continue;
    }
    machine.config.fleet = fleet_;
    if (options.cloned) machine.clone = *options.cloned;
    if (options.timeout) machine.ready.timeout = *options.timeout;
    co_await choose_accelerator(machine.config);
    if (!machine.image.empty()) {
      co_await fill_in_image(machine);
      add_lan_files(machine.config, neighbours);
    }
    if (machine.ssh) co_await give_key(machine);
    machines.push_back(std::move(machine));
  }
  co_return machines;
}

/// Once for the whole fleet: the machines would otherwise all ask at once.
Task<void> Completion::choose_accelerator(MachineConfig& config) {
  if (config.accel == Accelerator::tcg) co_return;
  const auto key = std::tuple(config.qemu, config.arch, config.accel);
  if (accelerators_.count(key) == 0) {
    auto probe = [&] { return find_host_qemu(config.qemu, config.arch).value(); };
    const QemuBinary binary = co_await offload(probe);
    const Accelerator chosen = co_await decide_accelerator(config.accel, config.arch, binary);
    accelerators_[key] = chosen;
  }
  config.accel = accelerators_[key];
}

Task<void> Completion::fill_in_image(MachineSpec& machine) {
  const std::string arch(to_string(machine.config.arch));
  const std::string key = machine.image + "/" + arch;
  if (images_.count(key) == 0) {
    BuildOptions build;
    build.arch = arch;
    auto told = [this](std::string_view what) { operation_.tell("", MachineState::created, what); };
    Image image = co_await store_.find_or_build(machine.image, build, told);
    images_.emplace(key, std::move(image));
  }
  const Image& image = images_.at(key);
  MachineConfig& config = machine.config;
  config.kernel = image.kernel.string();
  config.initrd = image.initrd.string();
  const bool has_hpet = config.machine.rfind("microvm", 0) != 0;
  const bool emulated = config.accel != Accelerator::kvm;
  std::vector<std::string> append{image.append_for(config.cpus, emulated, has_hpet)};
  append.insert(append.end(), config.append.begin(), config.append.end());
  config.append = std::move(append);
  offer_hostname(config);
  if (machine.ready.empty()) machine.ready.serial = {image.ready_marker};
}

Task<void> Completion::give_key(MachineSpec& machine) {
  SshAccess& access = *machine.ssh;
  if (access.key == "auto") {
    if (keys_ == Keys::make) co_await make_key_once();
    if (no_key_ && access.asked) throw *no_key_;
    access.key = no_key_ ? "" : default_ssh_key(root_).string();
  }
  if (access.key.empty()) co_return;
  std::string public_key;
  if (keys_ == Keys::make) public_key = read_public_key(access.key);
  offer_key(machine.config, access, access.key, public_key);
}

/// Without a key of its own a fleet still boots; who asked for one by name is refused.
Task<void> Completion::make_key_once() {
  if (std::exchange(key_tried_, true)) co_return;
  try {
    co_await make_ssh_key(root_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::host_unfit) throw;
    no_key_ = error;
  }
  if (!no_key_) co_return;
  operation_.tell("", MachineState::created,
                  fmt::format("warning: {}: guests are given none", no_key_->message()));
}

}  // namespace vmfleet
