// SPDX-License-Identifier: MIT
// What was saved in a machine's folder.
#include "machine/clone.hpp"

#include <fcntl.h>

#include <vmfleet/image/staging.hpp>
#include <vmfleet/io/files.hpp>

#include "machine/snapshot_record.hpp"
#include "machine/template_files.hpp"

namespace vmfleet {

void become_clone(MachineConfig& config, const MachineTemplate& original) {
  config.incoming = true;
  config.identity_port = config.agent;
  config.memory_file.emplace();
  config.memory_file->path = (original.directory / template_file::kMemory).string();
  for (std::size_t i = 0; i < config.nets.size() && i < original.macs.size(); ++i) {
    if (config.nets[i].type == NetType::lan) continue;  // it gets its own
    config.nets[i].mac = original.macs[i];
  }
}

UniqueFd open_saved(const MachineTemplate& original, const InstanceDirectory& directory) {
  const std::string printed = files::read(original.directory / template_file::kConsole);
  const auto log = directory.file(instance_file::kSerial);
  const UniqueFd console = files::open(log, O_WRONLY | O_APPEND | O_NOFOLLOW);
  files::write_all(console.get(), printed, log);
  return files::open(original.directory / template_file::kDevices, O_RDONLY | O_NOFOLLOW);
}

UniqueFd open_snapshot(const std::filesystem::path& folder, const InstanceDirectory& directory) {
  stage_copy(folder / instance_file::kSerial, directory.file(instance_file::kSerial));
  return files::open(folder / snapshot_file::kMachine, O_RDONLY | O_NOFOLLOW);
}

}  // namespace vmfleet
