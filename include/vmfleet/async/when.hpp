// SPDX-License-Identifier: MIT
// when_all and when_any: several tasks at once, all of them ended before the answer.
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <vmfleet/async/task_group.hpp>

namespace vmfleet {

namespace detail {

template <class T>
Task<void> store(Task<T> task, std::optional<Lifted<T>>* slot) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    slot->emplace();
  } else {
    slot->emplace(co_await std::move(task));
  }
}

/// As `store`, but only the first to finish stores; it ends the others, which may fail on that.
template <class T>
Task<void> store_first(Task<T> task, std::optional<Lifted<T>>* slot,
                       std::optional<std::size_t>* winner, std::size_t index, TaskGroup* group) {
  std::optional<Lifted<T>> result;
  try {
    co_await store(std::move(task), &result);
  } catch (const Cancelled&) {
    throw;
  } catch (...) {
    if (!*winner) throw;
  }
  if (*winner) co_return;
  *winner = index;
  *slot = std::move(result);
  group->cancel();
}

template <std::size_t I, class Variant, class Slots>
void pick(std::optional<Variant>& picked, std::size_t winner, Slots& slots) {
  if (I == winner) picked.emplace(std::in_place_index<I>, std::move(*std::get<I>(slots)));
}

}  // namespace detail

/// Runs all tasks at once and gives their results in a tuple (`std::monostate` for void).
/// *Errors*: the first failure, after the others were cancelled and have ended.
template <class... Ts>
Task<std::tuple<detail::Lifted<Ts>...>> when_all(Task<Ts>... tasks) {
  std::tuple<std::optional<detail::Lifted<Ts>>...> slots;
  std::tuple<Task<Ts>...> held(std::move(tasks)...);
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto start_all = [&]<std::size_t... I>(std::index_sequence<I...>) {
      (group.start(&detail::store<Ts>, std::move(std::get<I>(held)), &std::get<I>(slots)), ...);
    };
    start_all(std::index_sequence_for<Ts...>());
    co_return;
  };
  co_await with_task_group(body);
  if (!std::apply([](auto&... slot) { return (slot.has_value() && ...); }, slots))
    throw Cancelled();
  co_return std::apply(
      [](auto&... slot) { return std::tuple<detail::Lifted<Ts>...>(std::move(*slot)...); }, slots);
}

/// The same for any number of tasks of one type.
template <class T>
Task<std::vector<detail::Lifted<T>>> when_all(std::vector<Task<T>> tasks) {
  std::vector<std::optional<detail::Lifted<T>>> slots(tasks.size());
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      group.start(&detail::store<T>, std::move(tasks[i]), &slots[i]);
    }
    co_return;
  };
  co_await with_task_group(body);
  std::vector<detail::Lifted<T>> results;
  results.reserve(slots.size());
  for (auto& slot : slots) {
    if (!slot) throw Cancelled();
    results.push_back(std::move(*slot));
  }
  co_return results;
}

/// Runs all tasks at once and gives the result of the first that finishes, as the variant's
/// alternative of the same index; the others are cancelled and have ended by then.
/// *Errors*: a failure counts as finishing; one that comes after the first result is dropped.
template <class... Ts>
Task<std::variant<detail::Lifted<Ts>...>> when_any(Task<Ts>... tasks) {
  using Winner = std::variant<detail::Lifted<Ts>...>;
  std::tuple<std::optional<detail::Lifted<Ts>>...> slots;
  std::tuple<Task<Ts>...> held(std::move(tasks)...);
  std::optional<std::size_t> winner;
  auto body = [&](TaskGroup& group) -> Task<void> {
    const auto start_all = [&]<std::size_t... I>(std::index_sequence<I...>) {
      (group.start(&detail::store_first<Ts>, std::move(std::get<I>(held)), &std::get<I>(slots),
                   &winner, I, &group),
       ...);
    };
    start_all(std::index_sequence_for<Ts...>());
    co_return;
  };
  co_await with_task_group(body);
  if (!winner) throw Cancelled();
  std::optional<Winner> picked;
  const auto pick_one = [&]<std::size_t... I>(std::index_sequence<I...>) {
    (detail::pick<I>(picked, *winner, slots), ...);
  };
  pick_one(std::index_sequence_for<Ts...>());
  co_return std::move(*picked);
}

/// The same for any number (at least one) of tasks of one type: the winner's index and result.
template <class T>
Task<std::pair<std::size_t, detail::Lifted<T>>> when_any(std::vector<Task<T>> tasks) {
  VMFLEET_CHECK(!tasks.empty(), "when_any needs a task");
  std::vector<std::optional<detail::Lifted<T>>> slots(tasks.size());
  std::optional<std::size_t> winner;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      group.start(&detail::store_first<T>, std::move(tasks[i]), &slots[i], &winner, i, &group);
    }
    co_return;
  };
  co_await with_task_group(body);
  if (!winner) throw Cancelled();
  co_return std::pair<std::size_t, detail::Lifted<T>>(*winner, std::move(*slots[*winner]));
}

}  // namespace vmfleet
