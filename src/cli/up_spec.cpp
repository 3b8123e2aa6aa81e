// SPDX-License-Identifier: MIT
// From arguments to a fleet specification.
#include "cli/up_spec.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/machine/host_qemu.hpp>

#include "cli/arguments.hpp"

namespace vmfleet::cli {

namespace {

/// Such an option that was given, or "": a file says all of it already.
std::string given_option(const FleetOptions& options) {
  const std::pair<const char*, bool> given[] = {
      {"--image", !options.image.empty()},        {"--kernel", !options.kernel.empty()},
      {"--initrd", !options.initrd.empty()},      {"--append", !options.append.empty()},
      {"--disk", !options.disks.empty()},         {"--memory", !options.memory.empty()},
      {"--cpus", !options.cpus.empty()},          {"--accel", !options.accel.empty()},
      {"--arch", !options.arch.empty()},          {"--qemu", !options.qemu.empty()},
      {"--machine", !options.machine.empty()},    {"--cpu", !options.cpu.empty()},
      {"--ready", !options.ready.empty()},        {"--forward", !options.forwards.empty()},
      {"--qemu-arg", !options.qemu_args.empty()},
  };
  for (const auto& [name, is_given] : given) {
    if (is_given) return name;
  }
  return "";
}

/// What cannot be found is told by the launch, which needs it.
std::optional<QemuBinary> binary_of(const std::string& qemu, Arch arch) {
  Result<QemuBinary> binary = find_host_qemu(qemu, arch);
  if (!binary) return std::nullopt;
  return *std::move(binary);
}

void decide(const Context& context, const SpecArguments& arguments, SpecOptions& options) {
  options.count = arguments.count;
  options.state_root = context.state_root();
  options.binary_of = binary_of;
  options.look_at_files = true;
}

FleetSpec load_file(const Context& context, const SpecArguments& arguments,
                    const std::string& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw Error(ErrorKind::invalid_config, fmt::format("no such fleet file: {}", sanitize(file)))
        .hint("without -f, options such as -n and --image describe the fleet");
  }
  SpecOptions options;
  decide(context, arguments, options);
  if (const auto name = context.given_fleet_name()) options.fleet = *name;
  return FleetSpec::load(file, options);
}

FleetSpec from_arguments(const Context& context, const SpecArguments& arguments) {
  FleetOptions options = arguments.options;
  decide(context, arguments, options);
  options.fleet = context.fleet_name();
  return FleetSpec::from_options(options);
}

}  // namespace

void add_spec_options(CLI::App& app, SpecArguments& spec) {
  FleetOptions& options = spec.options;
  add_text(app, "-f,--file", "FILE", spec.file, "the fleet file (vmfleet.toml, if it is here)");
  add_count(app, "-n,--count", spec.count, 1, kMostMachines,
            "each machine is a QEMU process with memory, threads and ports of this one host",
            "how many machines");
  add_text(app, "--image", "NAME", options.image, "boot an image: tiny, the default");
  add_text(app, "--kernel", "FILE", options.kernel, "boot this kernel");
  add_text(app, "--initrd", "FILE", options.initrd, "with this initial file system");
  add_text(app, "--append", "ARGS", options.append, "and these kernel arguments");
  add_texts(app, "--disk", "FILE", options.disks, "attach a disk, as an overlay of this file");
  add_text(app, "--memory", "SIZE", options.memory, "of each machine: 512M, 2G");
  add_text(app, "--cpus", "N", options.cpus, "of each machine");
  add_text(app, "--accel", "HOW", options.accel, "auto, kvm or tcg");
  add_text(app, "--arch", "ARCH", options.arch, "x86_64 or aarch64");
  add_text(app, "--machine", "TYPE", options.machine, "QEMU's machine type: q35, microvm, virt");
  add_text(app, "--cpu", "MODEL", options.cpu, "QEMU's processor model");
  add_text(app, "--qemu", "PATH", options.qemu, "the QEMU binary, or a folder that holds it");
  add_texts(app, "--qemu-arg", "ARG", options.qemu_args, "passed to QEMU as it is");
  add_texts(app, "--ready", "WHAT", options.ready,
            "serial=TEXT, regex=RE, port=NAME, event=NAME, ssh, agent or exit");
  add_texts(app, "--forward", "PORT", options.forwards, "[NAME:][HOST:]GUEST[/udp]");
}

std::optional<Cloned> CloneArguments::chosen() const {
  if (cold) return Cloned::no;
  if (identical) return Cloned::identical;
  if (clone) return Cloned::yes;
  return std::nullopt;
}

void add_clone_options(CLI::App& app, CloneArguments& arguments) {
  add_flag(app, "--clone", arguments.clone,
           "start machines from the saved state of one that has booted");
  add_flag(app, "--clone-identical", arguments.identical,
           "the same, also where clones cannot be told apart");
  add_flag(app, "--cold", arguments.cold, "boot every machine, also where the file says template");
  add_exclusion(app, "--clone", "--cold");
  add_exclusion(app, "--clone-identical", "--cold");
  add_exclusion(app, "--clone", "--clone-identical");
}

FleetSpec resolve_spec(const Context& context, const SpecArguments& arguments) {
  const std::string option = given_option(arguments.options);
  std::string file = arguments.file;
  std::error_code ignored;
  if (file.empty() && option.empty() && std::filesystem::exists(kFleetFile, ignored)) {
    file = kFleetFile;
  }
  if (!file.empty() && !option.empty()) {
    throw Error(ErrorKind::invalid_config,
                fmt::format("{} and a fleet file exclude each other", option))
        .hint("set it in the file: " + file);
  }
  return file.empty() ? from_arguments(context, arguments) : load_file(context, arguments, file);
}

}  // namespace vmfleet::cli
