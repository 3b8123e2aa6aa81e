// SPDX-License-Identifier: MIT
// validate: the machine itself; its devices are checked in the files named after them.
#include <vmfleet/qemu/validate.hpp>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qemu/problems.hpp"
#include "qemu/syntax.hpp"

namespace vmfleet {
namespace qemu {

void Problems::require(bool usable, const std::string& key, std::string_view value,
                       std::string_view what, std::string hint) {
  if (usable) return;
  add(key, fmt::format("\"{}\" is not {}", sanitize(value), what), std::move(hint));
}

void Problems::check_text(const std::string& key, std::string_view text) {
  if (is_clean_text(text)) return;
  add(key, fmt::format("\"{}\" is not UTF-8 without NUL bytes", sanitize(text)),
      "QEMU's arguments cannot carry these bytes unchanged");
}

void Problems::check_path(const std::string& key, const std::string& path) {
  check_text(key, path);
  require(!path.empty() && path[0] == '/', key, path, "an absolute path",
          "QEMU runs in an empty directory");
}

}  // namespace qemu

namespace {

using qemu::Problems;

constexpr Bytes kLeastMemory = Bytes::mebi(1);
constexpr unsigned kMostCpus = 1024;

std::string type_of(const std::string& machine) {
  return machine.substr(0, machine.find(','));
}

void check_identity(Problems& problems, const MachineConfig& config) {
  constexpr std::string_view kNameHint =
      "a letter or digit, then letters, digits, '.', '_' or '-'; at most 63 in all";
  problems.require(is_valid_name(config.name), "name", config.name, "a usable machine name",
                   std::string(kNameHint));
  problems.require(config.fleet.empty() || is_valid_name(config.fleet), "fleet", config.fleet,
                   "a usable fleet name", std::string(kNameHint));
  problems.require(config.uuid.empty() || qemu::is_uuid(config.uuid), "uuid", config.uuid,
                   "a UUID");
}

void check_machine_type(Problems& problems, const MachineConfig& config) {
  const std::string machine = machine_type(config);
  problems.require(qemu::is_model(machine), "machine", machine, "TYPE[,PROPERTY=VALUE…]");
  const std::string type = type_of(machine);
  constexpr std::array<std::string_view, 3> kWithoutDevices = {"none", "isapc", "x-remote"};
  if (std::find(kWithoutDevices.begin(), kWithoutDevices.end(), type) != kWithoutDevices.end()) {
    problems.add("machine",
                 fmt::format("machine type \"{}\" has no place for virtio devices", type),
                 "use q35, pc or microvm");
  }
  const bool arm_type = type.rfind("virt", 0) == 0;
  if (config.arch == Arch::x86_64 && arm_type) {
    problems.add("machine", fmt::format("machine type \"{}\" is not for x86_64", type),
                 "use q35, or set arch = \"aarch64\"");
  }
  const bool pc_type = type == "q35" || type == "microvm" || type.rfind("pc", 0) == 0;
  if (config.arch == Arch::aarch64 && pc_type) {
    problems.add("machine", fmt::format("machine type \"{}\" is not for aarch64", type),
                 "use virt, or set arch = \"x86_64\"");
  }
}

void check_processors(Problems& problems, const MachineConfig& config) {
  problems.require(config.cpu.empty() || qemu::is_model(config.cpu), "cpu", config.cpu,
                   "MODEL[,PROPERTY=VALUE…]");
  if (type_of(config.cpu) == "host" && config.accel == Accelerator::tcg) {
    problems.add("cpu", "the CPU model \"host\" needs KVM",
                 "use cpu = \"max\", or accel = \"kvm\"");
  }
  if (config.cpus < 1 || config.cpus > kMostCpus) {
    problems.add("cpus", fmt::format("{} is not in 1..{}", config.cpus, kMostCpus));
  }
  if (config.memory < kLeastMemory) {
    problems.add(
        "memory",
        fmt::format("{} is less than {}", to_string(config.memory), to_string(kLeastMemory)),
        "sizes without a unit are bytes: \"256M\"");
  }
  if (config.memory.count() % 4096 != 0) {
    problems.add("memory", fmt::format("{} bytes is no multiple of 4K", config.memory.count()));
  }
  if (config.memory_file) problems.check_path("memory_file", config.memory_file->path);
}

/// The kernel splits its line at spaces that are not between double quotes, and knows no escapes.
void check_kernel_argument(Problems& problems, const std::string& key, const std::string& word) {
  problems.check_text(key, word);
  problems.require(word.find_first_of("\n\r") == std::string::npos, key, word, "one line",
                   "put a space between arguments, not a newline");
  problems.require(std::count(word.begin(), word.end(), '"') % 2 == 0, key, word,
                   "complete: a double quote is open", "quote a value with spaces: key=\"a b\"");
}

void check_boot(Problems& problems, const MachineConfig& config) {
  if (!config.kernel.empty()) problems.check_path("kernel", config.kernel);
  if (!config.initrd.empty()) problems.check_path("initrd", config.initrd);
  if (!config.bios.empty()) problems.check_path("bios", config.bios);
  for (std::size_t i = 0; i < config.append.size(); ++i) {
    check_kernel_argument(problems, fmt::format("append[{}]", i), config.append[i]);
  }
  if (!config.kernel.empty()) return;
  if (!config.initrd.empty()) problems.add("initrd", "an initrd needs a kernel", "set kernel");
  if (!config.append.empty()) {
    problems.add("append", "kernel arguments need a kernel",
                 "set kernel, or boot loader settings in "
                 "the image");
  }
}

bool is_gdb_address(std::string_view gdb) {
  const qemu::GdbAddress address(gdb);
  const std::string_view target = address.target;
  if (address.socket) return target.rfind('/', 0) == 0 && qemu::is_clean_text(target);
  const auto colon = target.rfind(':');
  return qemu::is_ipv4(target.substr(0, colon)) && qemu::read_port(target.substr(colon + 1));
}

void check_life(Problems& problems, const MachineConfig& config) {
  problems.require(config.gdb.empty() || is_gdb_address(config.gdb), "gdb", config.gdb,
                   "PORT, ADDRESS:PORT or unix:/PATH");
  if (config.debug_exit && config.arch == Arch::aarch64 && config.accel == Accelerator::kvm) {
    problems.add("exit_codes", "an aarch64 guest chooses an exit code under emulation only",
                 "use accel = \"tcg\"");
  }
  for (const auto& [status, word] : config.exit_codes) {
    if (status < 0 || status > 255) {
      problems.add("exit_codes", fmt::format("{} is no exit status (0..255)", status));
    }
    problems.check_text("exit_codes", word);
  }
  for (const auto& word : config.qemu_args) problems.check_text("qemu_args", word);
  for (const DeviceParts& device : config.devices) {
    for (const auto& word : device.arguments) problems.check_text("devices", word);
    for (const auto& word : device.kernel_arguments) problems.check_text("devices", word);
  }
}

}  // namespace

bool is_valid_name(std::string_view name) noexcept {
  constexpr std::string_view kAlnum =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return !name.empty() && name.size() <= 63 && kAlnum.find(name[0]) != std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return kAlnum.find(c) != std::string_view::npos ||
                  std::string_view("._-").find(c) != std::string_view::npos;
         });
}

std::vector<ConfigProblem> find_problems(const MachineConfig& config) {
  Problems problems;
  check_identity(problems, config);
  check_machine_type(problems, config);
  check_processors(problems, config);
  check_boot(problems, config);
  qemu::check_disks(problems, config);
  qemu::check_nets(problems, config);
  qemu::check_shares(problems, config);
  qemu::check_injections(problems, config);
  check_life(problems, config);
  return problems.take();
}

std::vector<Error> to_errors(const MachineConfig& config, std::vector<ConfigProblem> problems) {
  std::vector<Error> errors;
  for (auto& problem : problems) {
    errors.push_back(
        Error(ErrorKind::invalid_config, fmt::format("machine {}: {}: {}", sanitize(config.name),
                                                     problem.key, problem.message))
            .hint(std::move(problem.hint)));
  }
  return errors;
}

std::vector<Error> validate(const MachineConfig& config) {
  return to_errors(config, find_problems(config));
}

}  // namespace vmfleet
