// SPDX-License-Identifier: MIT
// The list `inject` of a description is made anew.
#include "cli/injected_texts.hpp"

#include <fmt/format.h>

namespace vmfleet::cli {

json::Value without_injected_texts(const json::Value& machine) {
  const json::Array* injections = machine["inject"].as_array();
  if (injections == nullptr) return machine;
  json::Array shown;
  for (const json::Value& injection : *injections) {
    json::Object entry = *injection.as_object();
    if (const std::string* text = injection["text"].as_string()) {
      entry.set("text", fmt::format("({} bytes)", text->size()));
    }
    shown.emplace_back(std::move(entry));
  }
  json::Object description = *machine.as_object();
  description.set("inject", std::move(shown));
  return description;
}

}  // namespace vmfleet::cli
