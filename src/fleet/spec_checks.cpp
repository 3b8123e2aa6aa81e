// SPDX-License-Identifier: MIT
// What follows from a machine's keys together.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/console/pattern.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/spec_expand.hpp"
#include "fleet/spec_machine.hpp"

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

std::vector<std::string> forward_names(const MachineConfig& config) {
  std::vector<std::string> names;
  for (const Net& net : config.nets) {
    for (const Forward& forward : net.forwards) names.push_back(forward.name);
  }
  return names;
}

bool leads_to_ssh(const MachineConfig& config) {
  for (const Net& net : config.nets) {
    for (const Forward& forward : net.forwards) {
      if (forward.name == "ssh" || forward.guest_port == 22) return true;
    }
  }
  return false;
}

void check_boot(MachineProblems& problems, const MachineSpec& machine) {
  const MachineConfig& config = machine.config;
  if (!machine.image.empty()) {
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
        problems.add(key, error.what(), error.hint());
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
  const std::vector<std::string> names = forward_names(machine.config);
  for (const std::string& port : ready.ports) {
    if (std::find(names.begin(), names.end(), port) != names.end()) continue;
    problems.add("ready.port", fmt::format("there is no forward \"{}\"", port),
                 names.empty() ? "add one to a net: forward = [\"ssh:22\"]"
                               : fmt::format("one of: {}", join(names, ", ")));
  }
  if (ready.ssh && !leads_to_ssh(machine.config)) {
    problems.add("ready.ssh", "there is no forward to the guest's port 22",
                 "add one to a net: forward = [\"ssh:22\"]");
  }
  if (ready.timeout.count() <= 0) problems.add("ready.timeout", "a timeout is longer than nothing");
  if (machine.config.paused && !ready.empty()) {
    problems.add("ready", "a machine that starts paused does not become ready",
                 "remove paused, or ready");
  }
}

/// QEMU picks such a port after its arguments are fixed.
void check_placeholders(const Node& node, const std::string& where, Problems& problems) {
  for (const std::string& port : ports_in(node.text)) {
    problems.add(node.place, where, fmt::format("{{port:{}}} is not known before the launch", port),
                 "give that forward a fixed host port");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    check_placeholders(node.items[i], fmt::format("{}[{}]", where, i), problems);
  }
  for (const Node::Member& member : node.members) {
    check_placeholders(member.value, fmt::format("{}.{}", where, member.key), problems);
  }
}

void check_supported(MachineProblems& problems, const MachineSpec& machine) {
  if (machine.restart != RestartPolicy::no) {
    problems.add("restart", "restarting by itself is not supported yet",
                 "remove it, or set \"no\"");
  }
  if (!machine.depends_on.empty()) {
    problems.add("depends_on", "an order of machines is not supported yet", "remove it");
  }
}

}  // namespace

void complete_machine(const Node& node, MachineSpec& machine) {
  MachineConfig& config = machine.config;
  config.debug_exit = !config.exit_codes.empty() && config.arch == Arch::x86_64;
  if (node.find("net") != nullptr) return;
  Net net;
  // Only who will use it gets a port on the host.
  if (!machine.image.empty() || machine.ready.ssh || node.find("ssh") != nullptr) {
    net.forwards.emplace_back("ssh", std::uint16_t{22});
  }
  config.nets.push_back(std::move(net));
}

void check_machine(const Node& node, const std::string& path, const MachineSpec& machine,
                   Problems& problems) {
  MachineProblems here(node, path, problems);
  check_boot(here, machine);
  check_ready(here, machine);
  check_supported(here, machine);
  check_placeholders(node, path, problems);
  MachineConfig config = machine.config;
  if (!machine.image.empty()) config.kernel = "/image";  // comes with the launch
  for (const ConfigProblem& problem : find_problems(config)) {
    here.add(problem.key, problem.message, problem.hint);
  }
}

}  // namespace vmfleet::spec
