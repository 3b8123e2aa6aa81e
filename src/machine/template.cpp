// SPDX-License-Identifier: MIT
// Making templates and reading them.
#include <vmfleet/machine/template.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/image/staging.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/host_qemu.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/identity_gate.hpp"
#include "machine/lan_identity.hpp"
#include "machine/saved_devices.hpp"
#include "machine/staged_record.hpp"
#include "machine/template_files.hpp"

namespace vmfleet {

namespace {

constexpr std::string_view kTemplateSchema = "vmfleet.template/1";
constexpr const char* kRecord = "template.json";

using Reasons = std::vector<std::string>;

/// As the machine was booted; host ports are for the clones to have. It has the addresses of the
/// machine that it is made for, but is alone on LANs of its own.
MachineConfig of_template(MachineConfig config, const std::filesystem::path& directory) {
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    config.nets[i].mac = mac_of(config, i);
    for (Forward& forward : config.nets[i].forwards) forward.host_port = 0;
  }
  config.fleet = "template";
  config.lan_scope.clear();
  forget_neighbours(config);
  config.memory_file.emplace();
  config.memory_file->path = (directory / template_file::kMemory).string();
  config.memory_file->shared = true;
  config.identity_port = config.agent;
  return config;
}

void make_memory_file(const MachineConfig& config) {
  const auto& path = config.memory_file->path;
  const UniqueFd fd = files::open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (::ftruncate(fd.get(), static_cast<off_t>(config.memory.count())) != 0) {
    throw errno_error("make " + path, errno);
  }
}

std::vector<std::string> macs_of(const MachineConfig& config) {
  std::vector<std::string> macs;
  for (const Net& net : config.nets) macs.push_back(net.mac);
  return macs;
}

constexpr std::array<std::pair<Renewal, std::string_view>, 3> kRenewals = {{
    {Renewal::agent, "agent"},
    {Renewal::port, "port"},
    {Renewal::none, "none"},
}};

std::string_view word_for(Renewal renewal) {
  for (const auto& [value, word] : kRenewals) {
    if (value == renewal) return word;
  }
  return "none";
}

Renewal renewal_of(std::string_view text) {
  for (const auto& [value, word] : kRenewals) {
    if (word == text) return value;
  }
  return Renewal::none;
}

/// Without one of these no machine asks for it again.
json::Array needs_of(const MachineConfig& config, const QemuBinary& qemu) {
  json::Array needs;
  std::error_code unknown;
  for (const std::string& path : {qemu.path.string(), config.kernel, config.initrd, config.bios}) {
    if (!path.empty()) needs.emplace_back(std::filesystem::absolute(path, unknown).string());
  }
  return needs;
}

/// QEMU has written it through a mapping.
void make_memory_durable(const std::filesystem::path& directory) {
  const auto memory = directory / template_file::kMemory;
  const UniqueFd fd = files::open(memory, O_RDONLY | O_NOFOLLOW);
  if (::fsync(fd.get()) != 0) throw errno_error("write " + memory.string(), errno);
}

/// Last of all: a folder without it is no template.
void write_down(const MachineConfig& config, const std::string& key, const Uniqueness& guest,
                const std::filesystem::path& directory) {
  const QemuBinary qemu = find_host_qemu(config.qemu, config.arch).value();
  json::Object record;
  record.set("schema", kTemplateSchema).set("key", key);
  record.set("qemu", to_string(qemu.version));
  record.set("created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))));
  record.set("memory", static_cast<std::int64_t>(config.memory.count()));
  record.set("renewal", word_for(guest.renewal));
  record.set("identical", json::to_array(guest.lacks));
  record.set("macs", json::to_array(macs_of(config)));
  record.set("needs", needs_of(config, qemu));
  files::write_atomically(directory / kRecord, json::write(record) + "\n");
}

/// Its clones are not heard before they have addresses of their own.
Task<void> unplug(Machine& machine, const MachineConfig& config) {
  qmp::Client client = co_await machine.connect();
  co_await plug_lans(client, config, false);
}

/// QEMU has written down all of them, and lets go of them; a machine's folder goes with it.
void keep_disks(const InstanceDirectory& machine, const std::filesystem::path& directory) {
  for (const auto& [name, origin] : read_staged(machine)) {
    const auto disk = machine.file(name.c_str());
    const auto kept = directory / name;
    if (::link(disk.c_str(), kept.c_str()) != 0) throw errno_error("make " + kept.string(), errno);
    // Overlays of clones are on it.
    if (::chmod(kept.c_str(), 0400) != 0) throw errno_error("close " + kept.string(), errno);
    const UniqueFd fd = files::open(kept, O_RDONLY | O_NOFOLLOW);
    if (::fsync(fd.get()) != 0) throw errno_error("write " + kept.string(), errno);
  }
}

/// Of a folder that may go meanwhile.
Bytes size_on_disk(const std::filesystem::path& directory) {
  std::uint64_t size = 0;
  std::error_code gone;
  std::filesystem::directory_iterator entry(directory, gone);
  for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0) continue;
    size += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return Bytes(size);
}

bool is_whole(const MachineTemplate& found) {
  std::error_code gone;
  const auto size_of = [&](const char* name) {
    return std::filesystem::file_size(found.directory / name, gone);
  };
  if (size_of(template_file::kMemory) != found.memory.count()) return false;
  for (const char* name : {template_file::kDevices, template_file::kConsole}) {
    if (!std::filesystem::is_regular_file(found.directory / name, gone)) return false;
  }
  return size_of(template_file::kDevices) > 0;
}

}  // namespace

Task<Uniqueness> Machine::freeze(std::filesystem::path directory, bool identical) {
  Uniqueness guest = co_await with_qemu(*live_, look_at_guest(*live_));
  if (!identical && !guest.lacks.empty()) throw refusal_of(guest);
  qmp::Client client = co_await connect();
  co_await qmp::stop(client);
  co_await save_devices(client, live_->directory, directory / template_file::kDevices);
  const auto copy = [&] {
    stage_copy(live_->directory.file(instance_file::kSerial), directory / template_file::kConsole);
    keep_disks(live_->directory, directory);
  };
  co_await offload(copy);
  co_return guest;
}

Task<void> make_template(MachineConfig config, Readiness readiness, std::string key,
                         std::filesystem::path directory,
                         std::function<void(std::string_view)> on_step,
                         std::optional<Reasons> identical) {
  if (::mkdir(directory.c_str(), 0700) != 0) throw errno_error("make " + directory.string(), errno);
  config = of_template(std::move(config), directory);
  make_memory_file(config);
  LaunchOptions options;
  options.state_root = directory / "boot";
  options.readiness = std::move(readiness);
  options.on_step = std::move(on_step);
  if (::mkdir(options.state_root.c_str(), 0700) != 0) {
    throw errno_error("make " + options.state_root.string(), errno);
  }
  Uniqueness guest;
  {
    Machine machine = co_await Machine::launch(config, options);
    co_await machine.wait_ready();
    co_await unplug(machine, config);
    guest = co_await machine.freeze(directory, identical.has_value());
  }
  for (const auto& known : {why_not_unique(config), identical.value_or(Reasons())}) {
    guest.lacks.insert(guest.lacks.end(), known.begin(), known.end());
  }
  const auto finish = [&] {
    std::error_code left;
    std::filesystem::remove_all(options.state_root, left);
    if (left) throw errno_error("remove " + options.state_root.string(), left.value());
    make_memory_durable(directory);
    write_down(config, key, guest, directory);
  };
  co_await offload(finish);
}

std::optional<MachineTemplate> read_template(const std::filesystem::path& directory) {
  std::string text;
  try {
    text = files::read(directory / kRecord);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
  const auto record = json::parse(text);
  if (!record || record->text("schema") != kTemplateSchema) return std::nullopt;
  MachineTemplate found;
  found.key = record->text("key");
  found.directory = directory;
  found.macs = record->texts("macs");
  found.renewal = renewal_of(record->text("renewal"));
  found.identical = record->texts("identical");
  found.needs = record->texts("needs");
  found.qemu = record->text("qemu");
  found.created = record->text("created");
  found.memory = Bytes(static_cast<std::uint64_t>(record->integer("memory", 0)));
  found.size = size_on_disk(directory);
  if (!is_whole(found)) return std::nullopt;
  return found;
}

}  // namespace vmfleet
