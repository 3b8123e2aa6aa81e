// SPDX-License-Identifier: MIT
// Fleet::start and Fleet::restart: machines again, as they were specified.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/instance/intent.hpp>

namespace vmfleet {

FleetSpec Fleet::recall_spec(const std::vector<std::string>& names) const {
  FleetSpec spec;
  spec.name = name_;
  for (const auto& name : names) {
    const auto intent = read_intent(InstanceDirectory::open(root_ / name_ / name));
    if (!intent || !intent->spec.is_object()) {
      throw Error(ErrorKind::invalid_config,
                  fmt::format("nothing is recorded that {} could be started from", sanitize(name)))
          .hint("start it with `vmfleet up`, from its fleet file or options");
    }
    spec.machines.push_back(recall(intent->spec, root_));
  }
  return spec;
}

Task<FleetReport> Fleet::start(UpOptions options) {
  FleetSpec spec = recall_spec(select(options.names));
  options.names.clear();
  return up(std::move(spec), std::move(options));
}

Task<FleetReport> Fleet::restart(UpOptions options, StopOptions stop_options) {
  const auto names = select(options.names);
  FleetSpec spec = recall_spec(names);
  const FleetReport stopped = co_await stop(names, stop_options, options.progress);
  for (const auto& machine : stopped.machines) {
    if (machine.error) co_return stopped;
  }
  options.names.clear();
  co_return co_await up(std::move(spec), std::move(options));
}

}  // namespace vmfleet
