// SPDX-License-Identifier: MIT
// Forwards by name.
#include "machine/forwards.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/instance/intent.hpp>

#include "machine/host_ports.hpp"
#include "machine/state_record.hpp"

namespace vmfleet {

namespace {

bool is_same(const Forward& forward, std::string_view netdev, const PortForward& port) {
  return port.name == netdev && port.guest_port == forward.guest_port &&
         port.protocol == to_string(forward.protocol) && port.host_addr == forward.host_addr &&
         (forward.host_port == 0 || forward.host_port == port.host_port);
}

const PortForward* find_named(const std::vector<PortForward>& ports, const std::string& name) {
  const auto found = std::find_if(ports.begin(), ports.end(),
                                  [&](const PortForward& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

bool has_forward(const MachineConfig& config, const std::string& name) {
  for (const Net& net : config.nets) {
    for (const Forward& forward : net.forwards) {
      if (forward.name == name) return true;
    }
  }
  return false;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Forward forward_of(const PortForward& port) {
  Forward forward(port.name, port.guest_port);
  forward.protocol = port.protocol == "udp" ? Protocol::udp : Protocol::tcp;
  forward.host_addr = port.host_addr;
  return forward;
}

void keep_port(Forward& forward, std::uint16_t host_port, std::vector<std::string>& warnings) {
  forward.host_port = host_port;
  const auto problem = find_port_problem(forward);
  if (!problem) return;
  forward.host_port = 0;
  warnings.push_back(fmt::format("{}; QEMU picks another one", problem->message()));
}

}  // namespace

ForwardMatch match_forwards(const MachineConfig& config, const std::vector<PortForward>& existing) {
  ForwardMatch match;
  std::vector<bool> taken(existing.size());
  for (std::size_t n = 0; n < config.nets.size(); ++n) {
    const std::string netdev = fmt::format("net{}", n);
    for (const Forward& forward : config.nets[n].forwards) {
      std::size_t i = 0;
      while (i < existing.size() && (taken[i] || !is_same(forward, netdev, existing[i]))) ++i;
      if (i == existing.size()) {
        match.missing.push_back(forward.name);
        continue;
      }
      taken[i] = true;
      match.ports.push_back(existing[i]);
      match.ports.back().name = forward.name;
    }
  }
  return match;
}

ForwardHistory read_forward_history(const InstanceDirectory& directory,
                                    const std::string& spec_hash) {
  try {
    const auto intent = read_intent(directory);
    const auto state = read_state(directory);
    if (spec_hash.empty() || !intent || !state || intent->spec_hash != spec_hash) return {};
    return state->forwards;
  } catch (const Error&) {
    return {};  // whoever asks for the records themselves is told
  }
}

std::vector<std::string> keep_forwards(MachineConfig& config, const ForwardHistory& history) {
  std::vector<std::string> warnings;
  Net* user_net = nullptr;
  for (Net& net : config.nets) {
    if (net.type == NetType::user && user_net == nullptr) user_net = &net;
    const auto is_gone = [&](const Forward& forward) {
      return contains(history.removed, forward.name) || contains(history.added, forward.name);
    };
    net.forwards.erase(std::remove_if(net.forwards.begin(), net.forwards.end(), is_gone),
                       net.forwards.end());
    for (Forward& forward : net.forwards) {
      const PortForward* port = find_named(history.ports, forward.name);
      if (port != nullptr && forward.host_port == 0) keep_port(forward, port->host_port, warnings);
    }
  }
  if (user_net == nullptr) return warnings;
  for (const PortForward& port : history.ports) {
    if (has_forward(config, port.name)) continue;
    Forward forward = forward_of(port);
    keep_port(forward, port.host_port, warnings);
    user_net->forwards.push_back(std::move(forward));
  }
  return warnings;
}

}  // namespace vmfleet
