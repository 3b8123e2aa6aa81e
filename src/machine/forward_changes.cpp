// SPDX-License-Identifier: MIT
// Machine::add_forward and Machine::remove_forward: forwards of a machine that runs.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/commands.hpp>

#include "machine/host_ports.hpp"
#include "machine/live.hpp"

namespace vmfleet {

namespace {

// Other commands hold the lock for the time of a launch or a stop.
constexpr Milliseconds kForwardPatience(5'000);

Task<std::vector<PortForward>> read_usernet(qmp::Client& client) {
  const std::string text = co_await qmp::human_monitor_command(client, "info usernet");
  co_return parse_usernet(text);
}

std::string netdev_for_forwards(const Intent& intent) {
  if (const json::Array* nets = intent.nets.as_array()) {
    for (const json::Value& net : *nets) {
      if (net.text("type") == to_string(NetType::user)) return std::string(net.text("id"));
    }
  }
  throw Error(ErrorKind::invalid_config,
              fmt::format("{} has no user network to forward through", intent.name))
      .hint("give it one in the fleet file: [[machine.….net]] with type = \"user\"");
}

/// The row of `after` that `before` has not.
std::optional<PortForward> find_new(const std::vector<PortForward>& before,
                                    const std::vector<PortForward>& after) {
  for (const PortForward& row : after) {
    if (std::find(before.begin(), before.end(), row) == before.end()) return row;
  }
  return std::nullopt;
}

Error refused(const Forward& forward, const std::string& words) {
  if (auto problem = find_port_problem(forward)) {
    return std::move(*problem).evidence(sanitize(trim(words)));
  }
  return Error(ErrorKind::unavailable,
               fmt::format("QEMU did not set up the forward \"{}\"", forward.name))
      .hint("its words are the evidence")
      .evidence(sanitize(trim(words)));
}

std::string rule_of(const PortForward& port) {
  return fmt::format("{} {}:{}:{}", port.name, port.protocol, port.host_addr, port.host_port);
}

/// Readiness is waited for with each start, so what it needs stays.
bool is_needed(const Readiness& readiness, const PortForward& port) {
  const auto& ports = readiness.ports;
  return std::find(ports.begin(), ports.end(), port.name) != ports.end() ||
         (readiness.ssh && leads_to_ssh(port));
}

/// Changes of one machine's forwards, under its lock.
class ForwardChange {
 public:
  explicit ForwardChange(Machine::Live& live) : live_(live) {
    const auto intent = read_intent(live_.directory);
    if (!intent || intent->created_ms != live_.intent.created_ms || live_.pidfd().ended()) {
      throw Error(ErrorKind::exited, fmt::format("{} does not run any more", live_.intent.name));
    }
    live_.state = read_state(live_.directory).value_or(live_.state);
  }

  Task<PortForward> add(Forward forward) {
    require_unused(forward.name);
    const std::string netdev = netdev_for_forwards(live_.intent);
    qmp::Client client = co_await live_.connect();
    const auto before = co_await read_usernet(client);
    const std::string words = co_await qmp::human_monitor_command(
        client, fmt::format("hostfwd_add {} {}:{}:{}-:{}", netdev, to_string(forward.protocol),
                            forward.host_addr, forward.host_port, forward.guest_port));
    const auto after = co_await read_usernet(client);
    auto port = find_new(before, after);
    if (!port) throw refused(forward, words);
    port->name = forward.name;
    live_.state.forwards.ports.push_back(*port);
    forget_change(forward.name);
    live_.state.forwards.added.push_back(forward.name);
    write_state(live_.directory, live_.state);
    co_return *port;
  }

  Task<void> remove(std::string name) {
    const PortForward port = take(name);
    qmp::Client client = co_await live_.connect();
    const auto rows = co_await read_usernet(client);
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const PortForward& candidate) {
      return candidate.protocol == port.protocol && candidate.host_addr == port.host_addr &&
             candidate.host_port == port.host_port;
    });
    if (row != rows.end()) {
      const std::string words =
          co_await qmp::human_monitor_command(client, "hostfwd_remove " + rule_of(*row));
      const auto left = co_await read_usernet(client);
      if (std::find(left.begin(), left.end(), *row) != left.end()) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("QEMU did not remove the forward \"{}\"", name))
            .hint("its words are the evidence")
            .evidence(sanitize(trim(words)));
      }
    }
    forget_change(name);
    live_.state.forwards.removed.push_back(name);
    write_state(live_.directory, live_.state);
  }

 private:
  void require_unused(const std::string& name) const {
    for (const PortForward& port : live_.state.forwards.ports) {
      if (port.name != name) continue;
      throw Error(ErrorKind::conflict,
                  fmt::format("{} has a forward \"{}\" already", live_.intent.name, name))
          .hint("give it another name, NAME:…, or remove that one first");
    }
  }

  /// Out of the record, which is written when QEMU has done the same.
  PortForward take(const std::string& name) {
    auto& ports = live_.state.forwards.ports;
    const auto found = std::find_if(ports.begin(), ports.end(),
                                    [&](const PortForward& port) { return port.name == name; });
    if (found == ports.end()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("{} has no forward '{}'", live_.intent.name, sanitize(name)))
          .hint("see: vmfleet port " + live_.intent.name);
    }
    if (is_needed(live_.readiness, *found)) {
      throw Error(ErrorKind::conflict, fmt::format("the readiness of {} needs the forward \"{}\"",
                                                   live_.intent.name, name))
          .hint("remove it in the fleet file, with that condition");
    }
    const auto& named = live_.intent.named_forwards;
    if (std::find(named.begin(), named.end(), name) != named.end()) {
      throw Error(ErrorKind::conflict,
                  fmt::format("the configuration of {} names {{port:{}}}", live_.intent.name, name))
          .hint("remove the forward in the fleet file, with what names it");
    }
    PortForward port = *found;
    ports.erase(found);
    return port;
  }

  void forget_change(const std::string& name) {
    for (auto* names : {&live_.state.forwards.removed, &live_.state.forwards.added}) {
      names->erase(std::remove(names->begin(), names->end(), name), names->end());
    }
  }

  Machine::Live& live_;
};

Task<PortForward> add_under_lock(Machine::Live& live, Forward forward) {
  forward = parse_forward(to_string(forward)).value();
  const auto lock = co_await OperationLock::obtain(live.directory, kForwardPatience);
  ForwardChange change(live);
  co_return co_await change.add(std::move(forward));
}

Task<void> remove_under_lock(Machine::Live& live, std::string name) {
  const auto lock = co_await OperationLock::obtain(live.directory, kForwardPatience);
  ForwardChange change(live);
  co_await change.remove(std::move(name));
}

}  // namespace

Task<PortForward> Machine::add_forward(Forward forward) {
  return with_qemu(*live_, add_under_lock(*live_, std::move(forward)));
}

Task<void> Machine::remove_forward(std::string name) {
  return with_qemu(*live_, remove_under_lock(*live_, std::move(name)));
}

}  // namespace vmfleet
