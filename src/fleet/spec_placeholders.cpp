// SPDX-License-Identifier: MIT
// Placeholders that nobody knows, or that are known too late.
#include "fleet/spec_placeholders.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "fleet/spec_expand.hpp"

namespace vmfleet::spec {
namespace {

class PlaceholderCheck {
 public:
  PlaceholderCheck(const MachineConfig& config, Problems& problems)
      : forwards_(config), problems_(problems) {}

  void check(const Node& machine, const std::string& path) {
    for (const Node::Member& member : machine.members) {
      const std::string where = fmt::format("{}.{}", path, member.key);
      // Where the launch puts in the ports that are not known before.
      takes_ports_ = member.key == "append" || member.key == "qemu_args" || member.key == "ready";
      if (member.key == "inject") {
        check_injections(member.value, where);
      } else {
        check_value(member.value, where);
      }
    }
  }

 private:
  void check_injections(const Node& list, const std::string& path) {
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      for (const Node::Member& member : list.items[i].members) {
        // A tool's command has placeholders of its own; what is put into the guest may be a
        // program.
        if (member.key == "command" || member.key == "text") continue;
        check_value(member.value, fmt::format("{}[{}].{}", path, i, member.key));
      }
    }
  }

  void check_value(const Node& node, const std::string& where) {
    for (const std::string& word : placeholders_in(node.text)) {
      if (word != "dir") check_word(node.place, where, word);  // known to the launch
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      check_value(node.items[i], fmt::format("{}[{}]", where, i));
    }
    for (const Node::Member& member : node.members) {
      check_value(member.value, fmt::format("{}.{}", where, member.key));
    }
  }

  void check_word(const Place& place, const std::string& where, const std::string& word) {
    constexpr std::string_view kPort = "port:";
    if (word.rfind(kPort, 0) != 0) {
      problems_.add(place, where, fmt::format("unknown placeholder {{{}}}", word),
                    "known are {name}, {index}, {fleet}, {dir} and {port:FORWARD}; a shell's "
                    "${variable} stays as it is");
      return;
    }
    const std::string port = word.substr(kPort.size());
    if (!forwards_.has(port)) {
      problems_.add(place, where, fmt::format("{{{}}}: there is no forward \"{}\"", word, port),
                    forwards_.hint());
      return;
    }
    if (takes_ports_) return;
    problems_.add(place, where, fmt::format("{{{}}} is not known before the launch", word),
                  "give that forward a fixed host port");
  }

  ForwardNames forwards_;
  Problems& problems_;
  bool takes_ports_ = false;  ///< the key that is looked at
};

}  // namespace

ForwardNames::ForwardNames(const MachineConfig& config) {
  for (const Net& net : config.nets) {
    for (const Forward& forward : net.forwards) names_.push_back(forward.name);
  }
}

bool ForwardNames::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::string ForwardNames::hint() const {
  return names_.empty() ? "add one to a net: forward = [\"ssh:22\"]"
                        : fmt::format("one of: {}", join(names_, ", "));
}

void check_placeholders(const Node& machine, const std::string& path, const MachineConfig& config,
                        Problems& problems) {
  PlaceholderCheck(config, problems).check(machine, path);
}

}  // namespace vmfleet::spec
