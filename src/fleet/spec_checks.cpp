// SPDX-License-Identifier: MIT
// What follows from a machine's keys together.
#include <algorithm>
#include <filesystem>
#include <functional>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/console/pattern.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/spec_machine.hpp"
#include "fleet/spec_placeholders.hpp"

namespace vmfleet::spec {
namespace {

/// Reports under a key of the machine, at the nearest place that exists.
class MachineProblems {
 public:
  MachineProblems(const Node& node, const std::string& path, Problems& problems)
      : node_(node), path_(path), problems_(problems) {}

  void add(const std::string& key, const std::string& what, const std::string& hint = {}) {
    problems_.add(nearest_node(node_, key).place, fmt::format("{}.{}", path_, key), what, hint);
  }

 private:
  const Node& node_;
  const std::string& path_;
  Problems& problems_;
};

const Forward* find_forward(const MachineConfig& config,
                            const std::function<bool(const Forward&)>& matches) {
  for (const Net& net : config.nets) {
    for (const Forward& forward : net.forwards) {
      if (matches(forward)) return &forward;
    }
  }
  return nullptr;
}

void check_boot(MachineProblems& problems, const MachineSpec& machine, bool look_at_files) {
  const MachineConfig& config = machine.config;
  if (!machine.image.empty()) {
    const auto images = image_recipes();
    const bool known = std::find(images.begin(), images.end(), machine.image) != images.end();
    if (look_at_files && !known) {
      problems.add("image", fmt::format("there is no image \"{}\"", machine.image),
                   "the images are: " + join(images, ", ") + "; boot others by kernel or disk");
    }
    if (!config.kernel.empty())
      problems.add("kernel", "the image has its own kernel", "set image or kernel");
    if (!config.initrd.empty())
      problems.add("initrd", "the image has its own initrd", "set image or initrd");
    return;
  }
  if (config.kernel.empty() && config.disks.empty() && config.qemu_args.empty()) {
    problems.add("image", "there is nothing to boot", "set image = \"tiny\", or kernel, or a disk");
  }
}

void check_patterns(MachineProblems& problems, const Readiness& ready) {
  const auto check = [&](const char* key, const std::vector<std::string>& texts, bool regex) {
    for (const std::string& text : texts) {
      try {
        console::PatternSet(
            {regex ? console::Pattern::regex(text) : console::Pattern::literal(text)});
      } catch (const Error& error) {
        problems.add(key, error.message(), error.hint());
      }
    }
  };
  check("ready.serial", ready.serial, false);
  check("ready.regex", ready.regex, true);
  if (ready.fail) check("ready.fail", *ready.fail, false);
}

void check_ready(MachineProblems& problems, const MachineSpec& machine) {
  const Readiness& ready = machine.ready;
  check_patterns(problems, ready);
  const ForwardNames forwards(machine.config);
  for (const std::string& port : ready.ports) {
    const auto is_it = [&](const Forward& forward) { return forward.name == port; };
    const Forward* forward = find_forward(machine.config, is_it);
    if (forward == nullptr) {
      problems.add("ready.port", fmt::format("there is no forward \"{}\"", port), forwards.hint());
    } else if (forward->protocol != Protocol::tcp) {
      problems.add(
          "ready.port",
          fmt::format("whether a UDP port answers cannot be seen, as that of \"{}\"", port),
          "wait for a TCP port, or for what the guest prints");
    }
  }
  const auto is_ssh = [](const Forward& forward) { return leads_to_ssh(forward); };
  const bool has_ssh = find_forward(machine.config, is_ssh) != nullptr;
  if (ready.ssh && !has_ssh) {
    problems.add("ready.ssh", "there is no forward to the guest's port 22",
                 "add one to a net: forward = [\"ssh:22\"]");
  }
  if (ready.timeout.count() <= 0) problems.add("ready.timeout", "a timeout is longer than nothing");
}

void check_files(MachineProblems& problems, const MachineConfig& config,
                 const MachineReader& reader) {
  const std::string own_files = reader.options.state_root.string() + "/";
  const auto check = [&](const std::string& key, const std::string& file, bool is_folder = false) {
    std::error_code ignored;
    if (file.empty() || file.rfind(own_files, 0) == 0) return;  // may be made by the launch
    if (!std::filesystem::exists(file, ignored)) {
      problems.add(key, fmt::format("no such file: {}", file),
                   fmt::format("relative paths start in {}", reader.folder.string()));
    } else if (std::filesystem::is_directory(file, ignored) != is_folder) {
      problems.add(key, fmt::format("{} is {} folder", file, is_folder ? "no" : "a"));
    }
  };
  check("kernel", config.kernel);
  check("initrd", config.initrd);
  check("bios", config.bios);
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    check(fmt::format("disk[{}].file", i), config.disks[i].file);
  }
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    check(fmt::format("net[{}].up_script", i), config.nets[i].up_script);
  }
  for (std::size_t i = 0; i < config.shares.size(); ++i) {
    check(fmt::format("share[{}].path", i), config.shares[i].path, true);
  }
  for (std::size_t i = 0; i < config.injections.size(); ++i) {
    check(fmt::format("inject[{}].source", i), config.injections[i].source);
  }
}

}  // namespace

void complete_machine(const Node& node, MachineSpec& machine) {
  MachineConfig& config = machine.config;
  if (!machine.ssh && (!machine.image.empty() || machine.ready.ssh)) machine.ssh.emplace();
  config.debug_exit = !config.exit_codes.empty();
  if (node.find("net") != nullptr) return;
  Net net;
  // Only who will use it gets a port on the host.
  if (machine.ssh) net.forwards.emplace_back("ssh", std::uint16_t{22});
  config.nets.push_back(std::move(net));
}

void check_machine(const Node& node, const std::string& path, const MachineReader& reader,
                   Problems& problems) {
  const MachineSpec& machine = reader.machine;
  MachineProblems here(node, path, problems);
  check_boot(here, machine, reader.options.look_at_files);
  check_ready(here, machine);
  if (reader.options.look_at_files) check_files(here, machine.config, reader);
  check_placeholders(node, path, machine.config, problems);
  MachineConfig config = machine.config;
  if (!machine.image.empty()) config.kernel = config.initrd = "/image";  // come with the launch
  std::vector<ConfigProblem> found = find_problems(config);
  if (reader.options.binary_of) {
    if (const auto binary = reader.options.binary_of(config.qemu, config.arch)) {
      const std::vector<ConfigProblem> more = find_problems(config, *binary);
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  for (const ConfigProblem& problem : found) here.add(problem.key, problem.message, problem.hint);
}

}  // namespace vmfleet::spec
