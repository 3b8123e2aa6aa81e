// SPDX-License-Identifier: MIT
// Deciding what depends on this host.
#include "machine/resolve.hpp"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/accelerator.hpp>
#include <vmfleet/machine/host_qemu.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "machine/boot_kernel.hpp"
#include "machine/launch_facts.hpp"
#include "machine/tsc_rate.hpp"

namespace vmfleet {

namespace {

void require_no_problems(const MachineConfig& config, std::vector<ConfigProblem> found) {
  const auto problems = to_errors(config, std::move(found));
  if (problems.empty()) return;
  if (problems.size() == 1) throw problems.front();
  Error all(ErrorKind::invalid_config,
            fmt::format("{} problems in the configuration of {}", problems.size(), config.name));
  for (const auto& problem : problems) {
    all = std::move(all).evidence(problem.message());
    if (all.hint().empty()) all = std::move(all).hint(problem.hint());
  }
  throw all;
}

void require_readable(const std::string& path, std::string_view what) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
  throw errno_error(ErrorKind::invalid_config, fmt::format("the {} {}", what, path), errno)
      .hint("check the path and its permissions");
}

void require_files(const MachineConfig& config) {
  require_readable(config.kernel, "kernel");
  require_readable(config.initrd, "initrd");
  require_readable(config.bios, "firmware");
  for (const auto& disk : config.disks) require_readable(disk.file, "disk");
}

}  // namespace

Task<MachineConfig> resolve(MachineConfig config, std::filesystem::path instance_directory,
                            std::function<void(std::string_view)> warn) {
  require_no_problems(config, find_problems(config));
  auto probe = [&] {
    require_files(config);
    return find_host_qemu(config.qemu, config.arch).value();
  };
  const QemuBinary binary = co_await offload(probe);
  require_no_problems(config, find_problems(config, binary));
  config.qemu = binary.path.string();
  config.features = binary.features;
  config.accel = co_await decide_accelerator(config.accel, config.arch, binary);
  if (lacks_timers(config)) config.tsc_khz = co_await offload(&host_tsc_khz);
  if (config.uuid.empty()) config.uuid = derive_uuid(instance_directory);
  if (config.lan_scope.empty()) config.lan_scope = derive_lan_scope(instance_directory);
  co_await choose_boot_kernel(config, warn);
  co_return config;
}

void require_sources(const MachineConfig& config) {
  for (const auto& injection : config.injections) {
    require_readable(injection.source, "file to inject");
    if (injection.source.empty() || std::filesystem::is_regular_file(injection.source)) continue;
    throw Error(ErrorKind::invalid_config,
                fmt::format("what is to be injected, {}, is no regular file", injection.source))
        .hint("inject the files of a folder one by one, or with a tool");
  }
}

}  // namespace vmfleet
