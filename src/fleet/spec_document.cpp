// SPDX-License-Identifier: MIT
// The document: defaults laid under every class, classes counted out into machines.
#include "fleet/spec_document.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/dependencies.hpp"
#include "fleet/lans.hpp"
#include "fleet/spec_expand.hpp"
#include "fleet/spec_machine.hpp"

namespace vmfleet::spec {
namespace {

/// The forwards whose host port is known before the launch.
void add_fixed_ports(const Node& machine, Placeholders& values) {
  const Node* nets = machine.find("net");
  if (nets == nullptr) return;
  for (const Node& net : nets->items) {
    const Node* forwards = net.find("forward");
    if (forwards == nullptr) continue;
    std::vector<Node> texts = forwards->items;
    texts.push_back(*forwards);  // one string stands for a list of one
    for (const Node& text : texts) {
      const Result<Forward> forward = parse_forward(text.text);
      if (forward && forward->host_port != 0) values.ports[forward->name] = forward->host_port;
    }
  }
}

/// The guest learns its key at its start.
std::string describe_login(const MachineSpec& machine) {
  const bool asked = machine.ssh && machine.ssh->asked;
  return asked ? machine.ssh->user + '\n' + machine.ssh->key : "";
}

/// A chosen address is whichever the machine was given first.
MachineConfig without_chosen(const MachineSpec& machine) {
  MachineConfig config = machine.config;
  for (const std::size_t i : machine.chosen_addresses) config.nets.at(i).address = "chosen";
  return config;
}

std::string hash_of(const MachineSpec& machine) {
  return short_hash(json::write(describe(without_chosen(machine))) + '\n' + machine.image + '\n' +
                    describe_login(machine));
}

class Document {
 public:
  Document(const Node& root, Problems& problems, FleetSpec& fleet, const SpecOptions& options)
      : root_(root), problems_(problems), fleet_(fleet), options_(options) {}

  void read() {
    Table top(root_, "", problems_);
    read_name(top);
    const Node* defaults = top.table("defaults");
    const Node* classes = top.table("machine");
    top.finish();
    if (classes == nullptr || classes->members.empty()) {
      if (classes == nullptr && root_.find("machine") != nullptr) return;  // was reported
      problems_.add(root_.place, "machine", "there is no machine", "add one: [machine.web]");
      return;
    }
    check_count_override(*classes);
    for (const Node::Member& machine_class : classes->members) {
      read_class(machine_class, defaults == nullptr ? Node() : *defaults);
    }
    give_addresses();
    for (std::size_t i = 0; i < nodes_.size(); ++i) complete(fleet_.machines[i], nodes_[i]);
    check_together(fleet_, *classes, problems_);
    check_dependencies(fleet_, nodes_, problems_);
  }

 private:
  void read_name(Table& top) {
    top.text("fleet", fleet_.name);
    if (!options_.fleet.empty()) fleet_.name = options_.fleet;
    if (fleet_.name.empty()) fleet_.name = name_from(fleet_.directory);
    if (is_valid_name(fleet_.name)) return;
    top.add("fleet", fmt::format("\"{}\" is not a usable fleet name", fleet_.name),
            "a letter or digit, then letters, digits, '.', '_' or '-'; at most 63 in all");
    fleet_.name = "fleet";  // or every machine would repeat it
  }

  void check_count_override(const Node& classes) {
    if (!options_.count) return;
    if (classes.members.size() > 1) {
      problems_.add(classes.members[1].place, "machine",
                    "a number of machines was given, and there are several classes",
                    "set count in the file");
    }
  }

  /// nullopt: one machine, called like its class.
  std::optional<std::int64_t> count_of(Table& table) {
    std::optional<std::int64_t> count;
    constexpr auto kMost = static_cast<std::int64_t>(kMostMachines);
    table.number("count", 1, kMost, [&](std::int64_t number) { count = number; });
    if (!options_.count) return count;
    const std::size_t given = *options_.count;
    if (given >= 1 && given <= kMostMachines) return static_cast<std::int64_t>(given);
    problems_.add(Place("-n"), "", fmt::format("{} is not in 1..{}", given, kMostMachines));
    return 1;
  }

  void read_class(const Node::Member& machine_class, const Node& defaults) {
    const std::string path = fmt::format("machine.{}", machine_class.key);
    if (machine_class.value.kind != Kind::table) {
      problems_.add(machine_class.value.place, path,
                    fmt::format("must be a table, and is {}", describe(machine_class.value.kind)));
      return;
    }
    const Node node = merge(defaults, machine_class.value);
    Table table(node, path, problems_);
    const std::optional<std::int64_t> count = count_of(table);
    for (std::int64_t i = 0; i < count.value_or(1); ++i) {
      MachineSpec machine;
      machine.machine_class = machine_class.key;
      machine.index = static_cast<std::size_t>(i);
      machine.config.name = count ? fmt::format("{}-{}", machine_class.key, i) : machine_class.key;
      read_one(node, path, std::move(machine));
    }
  }

  void read_one(Node node, const std::string& path, MachineSpec machine) {
    Placeholders values;
    values.name = machine.config.name;
    values.index = std::to_string(machine.index);
    values.fleet = fleet_.name;
    if (!options_.state_root.empty()) {
      values.dir = (options_.state_root / fleet_.name / machine.config.name).string();
    }
    expand_all(node, values);
    add_fixed_ports(node, values);
    expand_all(node, values);
    machine.config.fleet = fleet_.name;
    MachineReader reader(machine, fleet_.directory, options_);
    read_machine(node, path, reader, problems_);
    fleet_.machines.push_back(std::move(machine));
    nodes_.push_back(std::move(node));
  }

  void give_addresses() {
    try {
      give_lan_addresses(fleet_.machines);
    } catch (const Error& error) {
      problems_.add(root_.place, "machine", error.message(), error.hint());
    }
  }

  void complete(MachineSpec& machine, const Node& node) const {
    machine.source = json::Object{{"fleet", fleet_.name},
                                  {"folder", fleet_.directory.string()},
                                  {"name", machine.config.name},
                                  {"class", machine.machine_class},
                                  {"index", static_cast<std::int64_t>(machine.index)},
                                  {"keys", to_json(node)},
                                  {"lan", lan_addresses(machine)}};
    machine.hash = hash_of(machine);
  }

  const Node& root_;
  Problems& problems_;
  FleetSpec& fleet_;
  const SpecOptions& options_;
  std::vector<Node> nodes_;  ///< of the fleet's machines, in their order
};

}  // namespace

std::string name_from(const std::filesystem::path& folder) {
  std::string name = folder.filename().string().substr(0, 63);
  for (char& c : name) {
    if (!is_valid_name(std::string("a") + c)) c = '-';
  }
  const auto start = name.find_first_not_of("-._");
  return start == std::string::npos ? "fleet" : name.substr(start);
}

FleetSpec read_document(const Node& root, Problems problems, const std::filesystem::path& folder,
                        const SpecOptions& options) {
  FleetSpec fleet;
  fleet.directory = folder;
  Document(root, problems, fleet, options).read();
  problems.throw_if_any();
  return fleet;
}

}  // namespace vmfleet::spec

namespace vmfleet {

using spec::hash_of;

MachineSpec recall(const json::Value& source, const std::filesystem::path& state_root) {
  // A fleet of one: without a count it is called like its class, and there is nobody to depend on.
  json::Object alone;
  if (const json::Object* keys = source["keys"].as_object()) {
    for (const auto& [key, value] : *keys) {
      if (key != "count" && key != "depends_on") alone.append(key, value);
    }
  }
  const json::Value document =
      json::Object{{"fleet", source.text("fleet")},
                   {"machine", json::Object{{std::string(source.text("name")), alone}}}};
  SpecOptions options;
  options.state_root = state_root;
  const auto origin = std::filesystem::path(source.text("folder")) / "vmfleet.json";
  FleetSpec fleet = FleetSpec::parse(json::write(document), origin, SpecFormat::json, options);
  MachineSpec machine = std::move(fleet.machines.front());
  machine.machine_class = source.text("class");
  machine.index = static_cast<std::size_t>(source.integer("index", 0));
  machine.depends_on = dependencies_from_json(source["keys"]["depends_on"]);
  // Of the whole fleet, which it is recalled without.
  set_lan_addresses(machine, source["lan"]);
  machine.hash = hash_of(machine);
  machine.source = source;
  return machine;
}

}  // namespace vmfleet
