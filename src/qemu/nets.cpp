// SPDX-License-Identifier: MIT
// Network interfaces and what is behind them.
#include <vmfleet/qemu/net.hpp>

#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qemu/parts.hpp"

namespace vmfleet {
namespace {

std::uint64_t hash_of(std::string_view text) {
  const std::string hex = short_hash(text);
  std::uint64_t hash = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), hash, 16);
  return hash;
}

}  // namespace

std::string derive_mac(std::string_view fleet, std::string_view machine, std::size_t index) {
  const std::uint64_t h = hash_of(fmt::format("{}/{}#{}", fleet, machine, index));
  return fmt::format("52:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", h >> 32 & 0xff, h >> 24 & 0xff,
                     h >> 16 & 0xff, h >> 8 & 0xff, h & 0xff);
}

std::string lan_segment(std::string_view scope, std::string_view fleet, std::string_view lan) {
  // Below the ports that the kernel gives away by itself: a socket there would be in the way.
  constexpr unsigned kFirstPort = 20'000;
  constexpr unsigned kPorts = 12'000;
  const std::uint64_t h = hash_of(fmt::format("{}\n{}\n{}", scope, fleet, lan));
  return fmt::format("239.{}.{}.{}:{}", h & 0xff, h >> 8 & 0xff, h >> 16 & 0xff,
                     kFirstPort + (h >> 24) % kPorts);
}

std::string mac_of(const MachineConfig& config, std::size_t index) {
  const std::string& mac = config.nets.at(index).mac;
  return mac.empty() ? derive_mac(config.fleet, config.name, index) : mac;
}

namespace qemu {
namespace {

void set_if(json::Object& object, const char* key, const std::string& text) {
  if (!text.empty()) object.set(key, text);
}

json::Object user_net(const Net& net) {
  json::Object backend;
  backend.set("type", "user");
  set_if(backend, "net", net.subnet);
  set_if(backend, "dhcpstart", net.dhcp_start);
  set_if(backend, "dns", net.dns);
  set_if(backend, "host", net.host);
  if (net.restrict_guest) backend.set("restrict", true);
  json::Array rules;
  for (const Forward& forward : net.forwards) {
    json::Object rule;
    rule.set("str", fmt::format("{}:{}:{}-:{}", to_string(forward.protocol), forward.host_addr,
                                forward.host_port, forward.guest_port));
    rules.emplace_back(std::move(rule));
  }
  if (!rules.empty()) backend.set("hostfwd", std::move(rules));
  return backend;
}

json::Object tap_net(const Net& net) {
  json::Object backend;
  backend.set("type", "tap");
  backend.set("ifname", net.interface);
  // An up_script has run by then: the sandbox lets QEMU start nothing.
  backend.set("script", "no");
  backend.set("downscript", "no");
  return backend;
}

json::Object lan_net(const Net& net, const MachineConfig& config) {
  json::Object backend;
  backend.set("type", "socket");
  backend.set("mcast", lan_segment(config.lan_scope, config.fleet, net.lan));
  backend.set("localaddr", "127.0.0.1");  // nothing comes from other hosts, nothing goes there
  return backend;
}

json::Object nic(const MachineConfig& config, std::size_t index) {
  json::Object device;
  device.set("driver", virtio_driver("virtio-net", config));
  device.set("id", fmt::format("nic{}", index));
  device.set("netdev", fmt::format("net{}", index));
  device.set("mac", mac_of(config, index));
  // No network boot: its ROM may not be installed and costs time.
  if (virtio_bus(config) == Bus::pci) device.set("romfile", "");
  return device;
}

}  // namespace

void add_nets(OptionList& options, const MachineConfig& config) {
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const Net& net = config.nets[i];
    json::Object backend = net.type == NetType::tap   ? tap_net(net)
                           : net.type == NetType::lan ? lan_net(net, config)
                                                      : user_net(net);
    backend.set("id", fmt::format("net{}", i));
    options.json("-netdev", backend);
    options.json("-device", nic(config, i));
  }
}

}  // namespace qemu
}  // namespace vmfleet
