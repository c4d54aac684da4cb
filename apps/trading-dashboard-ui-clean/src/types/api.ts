import type { components } from "./generated/api";

/** The words of the REST and live shapes. The shapes themselves are generated from OpenAPI. */
type Schemas = components["schemas"];

export type Timeframe = "15m" | "1h" | "4h" | "1d";
export type StopLevel = Schemas["StopLevel"];
export type AgentState = Schemas["ModeReply"]["agent_state"];
export type OutcomeFilter = "all" | "candidate" | "approved" | "refused";

export type User = Schemas["UserReply"];
export type Mode = Schemas["ModeReply"];
export type Instrument = Schemas["Instrument"];
export type EquityPoint = Schemas["EquityPointReply"];
export type PortfolioSummary = Schemas["SummaryReply"];
export type Position = Schemas["Position"];
export type Order = Schemas["OrderState"];
export type Fill = Schemas["FillReply"];
export type Trade = Schemas["Trade"];
export type Bar = Schemas["BarReply"];
export type IndicatorValues = Schemas["IndicatorsReply"];
export type SignalMark = Schemas["SignalEntry"];
export type DecisionRow = Schemas["DecisionListEntry"];
export type DecisionRecord = Schemas["DecisionReply"];
export type Contribution = Schemas["Contribution"];
export type Opinion = Schemas["OpinionRecord"];
export type RiskVerdict = Schemas["RiskVerdict"];
export type RiskState = Schemas["RiskStateReply"];
export type Health = Schemas["HealthReply"];
export type ControlReply = Schemas["ControlReply"];

/** RFC 9457; a failure before any answer has a title and status 0 only. */
export type Problem = Pick<Schemas["ProblemReply"], "title" | "status"> &
  Partial<Schemas["ProblemReply"]>;
