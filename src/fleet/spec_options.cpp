// SPDX-License-Identifier: MIT
// A fleet from command-line options: the tree that a file with one class would give, with the
// options as the places of its values.
#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>

#include "fleet/spec_document.hpp"

namespace vmfleet {
namespace {

using spec::Kind;
using spec::Node;
using spec::Place;

void set_text(Node& table, const char* key, const char* option, const std::string& text) {
  if (!text.empty()) table.set(key, Node::make_text(text, Place(option)));
}

Node list_of(const std::vector<std::string>& texts, const char* option) {
  Node list(Kind::list, Place(option));
  for (const auto& text : texts) list.items.push_back(Node::make_text(text, Place(option)));
  return list;
}

void set_cpus(Node& machine, const std::string& text) {
  if (text.empty()) return;
  const bool number = text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
  machine.set("cpus", number ? Node::make_integer(std::stoll(text), Place("--cpus"))
                             : Node::make_text(text, Place("--cpus")));
}

void set_disks(Node& machine, const std::vector<std::string>& files) {
  if (files.empty()) return;
  Node disks(Kind::list, Place("--disk"));
  for (const auto& file : files) {
    Node disk(Kind::table, Place("--disk"));
    set_text(disk, "file", "--disk", file);
    disks.items.push_back(std::move(disk));
  }
  machine.set("disk", std::move(disks));
}

void set_net(Node& machine, const std::vector<std::string>& forwards) {
  if (forwards.empty()) return;
  Node net(Kind::table, Place("--forward"));
  net.set("forward", list_of(forwards, "--forward"));
  Node nets(Kind::list, Place("--forward"));
  nets.items.push_back(std::move(net));
  machine.set("net", std::move(nets));
}

/// `serial=TEXT` becomes the key `serial`; the same key again adds to its list.
void set_ready(Node& machine, const std::vector<std::string>& conditions) {
  if (conditions.empty()) return;
  const Place place("--ready");
  Node ready(Kind::table, place);
  for (const auto& condition : conditions) {
    const auto equals = condition.find('=');
    const std::string key = condition.substr(0, equals);
    if (key == "ssh" || key == "agent" || key == "exit") {
      Node flag(Kind::flag, place);
      flag.flag = true;
      ready.set(key, std::move(flag));
      continue;
    }
    const Node* known = ready.find(key);
    Node values = known != nullptr ? *known : Node(Kind::list, place);
    const std::string text = equals == std::string::npos ? "" : condition.substr(equals + 1);
    values.items.push_back(Node::make_text(text, place));
    ready.set(key, std::move(values));
  }
  machine.set("ready", std::move(ready));
}

Node machine_of(const FleetOptions& options) {
  Node machine(Kind::table, Place("options"));
  const bool boots = !options.image.empty() || !options.kernel.empty() || !options.disks.empty();
  set_text(machine, "image", "--image", boots ? options.image : "tiny");
  set_text(machine, "kernel", "--kernel", options.kernel);
  set_text(machine, "initrd", "--initrd", options.initrd);
  set_text(machine, "append", "--append", options.append);
  set_text(machine, "memory", "--memory", options.memory);
  set_text(machine, "accel", "--accel", options.accel);
  set_text(machine, "arch", "--arch", options.arch);
  set_text(machine, "qemu", "--qemu", options.qemu);
  set_text(machine, "machine", "--machine", options.machine);
  set_text(machine, "cpu", "--cpu", options.cpu);
  if (!options.qemu_args.empty())
    machine.set("qemu_args", list_of(options.qemu_args, "--qemu-arg"));
  set_cpus(machine, options.cpus);
  set_disks(machine, options.disks);
  set_net(machine, options.forwards);
  set_ready(machine, options.ready);
  return machine;
}

}  // namespace

FleetSpec FleetSpec::from_options(const FleetOptions& options) {
  Node classes(Kind::table, Place("options"));
  classes.set("vm", machine_of(options));
  Node root(Kind::table, Place("options"));
  root.set("machine", std::move(classes));
  SpecOptions choices = options;
  choices.count = options.count.value_or(1);
  return spec::read_document(root, spec::Problems(""), std::filesystem::current_path(), choices);
}

}  // namespace vmfleet
