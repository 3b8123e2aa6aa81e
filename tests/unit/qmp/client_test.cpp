// SPDX-License-Identifier: MIT
// Commands and their replies, in the best of cases.
#include <vmfleet/async/event.hpp>
#include <vmfleet/async/when.hpp>

#include "server.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using qmp::Client;
using qmp::Value;
using namespace qmp::test;

TEST_CASE("a command has its arguments and an id, and gives its return value") {
  auto serve = [](Server& server) -> Task<void> {
    const Value command = co_await server.hear();
    REQUIRE(command.text("execute") == "device_del");
    REQUIRE(command["arguments"].text("id") == "net0");
    REQUIRE(command["id"].as_int());
    co_await server.answer(command, Value("done"));
    const Value plain = co_await server.hear();
    REQUIRE(plain.as_object()->find("arguments") == nullptr);
    REQUIRE(plain["id"] != command["id"]);
    co_await server.answer(plain, Value(7));
  };
  auto use = [](Client& client) -> Task<void> {
    json::Object arguments;
    arguments.append("id", "net0");
    const Value first = co_await client.execute("device_del", std::move(arguments));
    REQUIRE(*first.as_string() == "done");
    const Value second = co_await client.execute("query-status");
    REQUIRE(second.as_int() == 7);
  };
  converse(serve, use);
}

TEST_CASE("a refusal is a value for try_execute and an error for execute") {
  auto serve = [](Server& server) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      const Value command = co_await server.hear();
      co_await server.refuse(command, "DeviceNotFound", "Device 'x' not found");
    }
  };
  auto use = [](Client& client) -> Task<void> {
    const qmp::Reply reply = co_await client.try_execute("device_del");
    REQUIRE_FALSE(reply.ok());
    REQUIRE(reply.error->error_class == "DeviceNotFound");
    const auto error = co_await failure_of(client.execute("device_del"));
    REQUIRE(error->kind() == ErrorKind::not_found);
    REQUIRE_THAT(error->message(), ContainsSubstring("device_del"));
    REQUIRE(error->evidence().front() == "DeviceNotFound: Device 'x' not found");
  };
  converse(serve, use);
}

TEST_CASE("replies in any order reach their own commands") {
  constexpr int kCommands = 50;
  auto serve = [](Server& server) -> Task<void> {
    std::vector<Value> commands;
    for (int i = 0; i < kCommands; ++i) {
      Value command = co_await server.hear();
      commands.push_back(std::move(command));
    }
    for (int i = kCommands - 1; i >= 0; --i) {
      const Value& command = commands[static_cast<std::size_t>(i * 7 % kCommands)];
      co_await server.event("STOP");
      co_await server.answer(command, command["arguments"]);
    }
  };
  auto use = [](Client& client) -> Task<void> {
    std::vector<Task<Value>> tasks;
    for (int i = 0; i < kCommands; ++i) tasks.push_back(client.execute("echo", numbered(i)));
    const std::vector<Value> results = co_await when_all(std::move(tasks));
    for (int i = 0; i < kCommands; ++i) {
      REQUIRE(results[static_cast<std::size_t>(i)].integer("n", -1) == i);
    }
  };
  converse(serve, use);
}

TEST_CASE("a reply that arrives in single bytes completes its command") {
  auto serve = [](Server& server) -> Task<void> {
    const Value command = co_await server.hear();
    for (const char c : R"({"return": {"s": "}\"{"}, "id": )" + json::write(command["id"]) + "}") {
      co_await server.say(std::string(1, c));
      co_await yield_now();
    }
  };
  auto use = [](Client& client) -> Task<void> {
    const Value value = co_await client.execute("x");
    REQUIRE(value.text("s") == "}\"{");
  };
  converse(serve, use);
}

TEST_CASE("a large reply arrives whole, and a large command too") {
  const std::string large(3'000'000, 'x');
  auto use = [&large](Client& client) -> Task<void> {
    json::Object arguments;
    arguments.append("text", large);
    auto tasks = when_all(client.execute("echo", Value(std::move(arguments))),
                          client.execute("echo", numbered(5)));
    const auto [big, small] = co_await std::move(tasks);
    REQUIRE((big.text("text") == large));
    REQUIRE(small.integer("n", 0) == 5);
  };
  converse(&echo, use);
}

TEST_CASE("a command that times out says so, and its late reply is ignored") {
  auto serve = [](Server& server) -> Task<void> {
    const Value late = co_await server.hear();
    const Value next = co_await server.hear();
    co_await server.answer(late, Value("late"));
    co_await server.answer(late, Value("late again"));
    co_await server.answer(next, Value("next"));
  };
  auto use = [](Client& client) -> Task<void> {
    const auto error =
        co_await failure_of(client.execute("slow", Value(), within(Milliseconds(20))));
    REQUIRE(error->kind() == ErrorKind::timed_out);
    REQUIRE_THAT(error->message(), ContainsSubstring("slow: no reply within 20 ms"));
    const Value value = co_await client.execute("next");
    REQUIRE(*value.as_string() == "next");
  };
  converse(serve, use);
}

TEST_CASE("cancelling one waiting command leaves the others and the connection usable") {
  // The first command reads for all; the second only waits. Either may be the one that leaves.
  for (const int cancelled : {0, 1}) {
    CAPTURE(cancelled);
    Event both_sent;
    auto serve = [&both_sent](Server& server) -> Task<void> {
      std::vector<Value> commands;
      for (int i = 0; i < 3; ++i) {
        Value command = co_await server.hear();
        commands.push_back(std::move(command));
        if (i == 1) both_sent.set();
      }
      for (const Value& command : commands) co_await server.answer(command, command["arguments"]);
    };
    auto use = [cancelled, &both_sent](Client& client) -> Task<void> {
      std::vector<Value> results(2);
      std::vector<CancelScope> scopes(2);
      auto body = [&](TaskGroup& group) -> Task<void> {
        auto run = [&](int i) -> Task<void> {
          const auto at = static_cast<std::size_t>(i);
          auto result = co_await scopes[at].run(client.execute("wait", numbered(i)));
          if (result) results[at] = std::move(*result);
        };
        group.start(run, 0);
        group.start(run, 1);
        co_await both_sent.wait();
        scopes[static_cast<std::size_t>(cancelled)].cancel();
        const Value third = co_await client.execute("go", numbered(2));
        REQUIRE(third.integer("n", -1) == 2);
      };
      co_await with_task_group(body);
      REQUIRE(results[static_cast<std::size_t>(cancelled)].is_null());
      REQUIRE(results[static_cast<std::size_t>(1 - cancelled)].integer("n", -1) == 1 - cancelled);
    };
    converse(serve, use);
  }
}

TEST_CASE("a reader that is cancelled while it decodes a large reply leaves it to the next") {
  for (int turns = 0; turns < 30; ++turns) {
    CAPTURE(turns);
    const std::string large(300'000, 'x');
    auto serve = [&large](Server& server) -> Task<void> {
      co_await server.hear();
      const Value second = co_await server.hear();
      co_await server.answer(second, Value(large));
      co_await server.hear();
    };
    auto use = [&large, turns](Client& client) -> Task<void> {
      CancelScope reading;
      auto body = [&](TaskGroup& group) -> Task<void> {
        auto read = [&]() -> Task<void> { co_await reading.run(client.execute("read")); };
        auto wait = [&]() -> Task<void> {
          const Value value = co_await client.execute("wait");
          REQUIRE((*value.as_string() == large));
        };
        group.start(read);
        group.start(wait);
        for (int i = 0; i < turns; ++i) co_await yield_now();
        reading.cancel();
      };
      co_await with_task_group(body);
    };
    converse(serve, use);
  }
}

TEST_CASE("arguments that QEMU could not read are refused before they are sent") {
  auto use = [](Client& client) -> Task<void> {
    Value deep;
    for (int i = 0; i < 1100; ++i) {
      json::Array outer;
      outer.push_back(std::move(deep));
      deep = std::move(outer);
    }
    const auto error = co_await failure_of(client.execute("x", std::move(deep)));
    REQUIRE(error->kind() == ErrorKind::invalid_config);
    const Value value = co_await client.execute("echo", numbered(1));
    REQUIRE(value.integer("n", 0) == 1);
  };
  converse(&echo, use);
}

TEST_CASE("a command made before its client was moved works after it") {
  auto use = [](Client& client) -> Task<void> {
    Task<Value> command = client.execute("echo", numbered(4));
    Client moved = std::move(client);
    const Value value = co_await std::move(command);
    REQUIRE(value.integer("n", 0) == 4);
    client = std::move(moved);
  };
  converse(&echo, use);
}

TEST_CASE("a thousand pipelined commands complete, whoever reads") {
  auto use = [](Client& client) -> Task<void> {
    std::vector<Task<Value>> tasks;
    for (int i = 0; i < 1000; ++i) tasks.push_back(client.execute("echo", numbered(i)));
    const std::vector<Value> results = co_await when_all(std::move(tasks));
    int right = 0;
    for (int i = 0; i < 1000; ++i) {
      right += results[static_cast<std::size_t>(i)].integer("n", -1) == i ? 1 : 0;
    }
    REQUIRE(right == 1000);
  };
  converse(&echo, use);
}
