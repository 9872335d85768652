export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  "public": {
    Tables: {
      "expiry_policies": {
        Row: {
          "channel": string | null;
          "grace": string;
          "id": number;
          "payment_method": string | null;
          "time_to_pay": string;
        };
        ComputedFields: never;
        Insert: {
          "channel"?: string | null;
          "grace"?: string;
          "id"?: never;
          "payment_method"?: string | null;
          "time_to_pay": string;
        };
        Update: {
          "channel"?: string | null;
          "grace"?: string;
          "id"?: never;
          "payment_method"?: string | null;
          "time_to_pay"?: string;
        };
        Relationships: [];
      };
      "inventory": {
        Row: {
          "on_hand": number;
          "reserved": number;
          "sku": string;
          "updated_at": string;
        };
        ComputedFields: never;
        Insert: {
          "on_hand": number;
          "reserved"?: number;
          "sku": string;
          "updated_at"?: string;
        };
        Update: {
          "on_hand"?: number;
          "reserved"?: number;
          "sku"?: string;
          "updated_at"?: string;
        };
        Relationships: [];
      };
      "job_alerts": {
        Row: {
          "code": string | null;
          "details": NonNullable<Json>;
          "first_seen_at": string;
          "id": number;
          "job": string | null;
          "key": string;
          "last_seen_at": string;
          "message": string;
          "occurrences": number;
          "resolved_at": string | null;
          "resolved_by": string | null;
          "resolved_reason": string | null;
          "severity": string;
        };
        ComputedFields: never;
        Insert: {
          "code"?: string | null;
          "details"?: NonNullable<Json>;
          "first_seen_at": string;
          "id"?: never;
          "job"?: string | null;
          "key": string;
          "last_seen_at": string;
          "message": string;
          "occurrences"?: number;
          "resolved_at"?: string | null;
          "resolved_by"?: string | null;
          "resolved_reason"?: string | null;
          "severity": string;
        };
        Update: {
          "code"?: string | null;
          "details"?: NonNullable<Json>;
          "first_seen_at"?: string;
          "id"?: never;
          "job"?: string | null;
          "key"?: string;
          "last_seen_at"?: string;
          "message"?: string;
          "occurrences"?: number;
          "resolved_at"?: string | null;
          "resolved_by"?: string | null;
          "resolved_reason"?: string | null;
          "severity"?: string;
        };
        Relationships: [];
      };
      "job_decisions": {
        Row: {
          "decided_at": string;
          "evidence": Json | null;
          "id": number;
          "job": string;
          "next_check_at": string | null;
          "order_id": string | null;
          "outcome": string;
          "reason": string;
          "run_id": string;
          "stripe_id": string | null;
          "subject": string;
          "units_released": number;
        };
        ComputedFields: never;
        Insert: {
          "decided_at": string;
          "evidence"?: Json | null;
          "id"?: never;
          "job": string;
          "next_check_at"?: string | null;
          "order_id"?: string | null;
          "outcome": string;
          "reason": string;
          "run_id": string;
          "stripe_id"?: string | null;
          "subject": string;
          "units_released"?: number;
        };
        Update: {
          "decided_at"?: string;
          "evidence"?: Json | null;
          "id"?: never;
          "job"?: string;
          "next_check_at"?: string | null;
          "order_id"?: string | null;
          "outcome"?: string;
          "reason"?: string;
          "run_id"?: string;
          "stripe_id"?: string | null;
          "subject"?: string;
          "units_released"?: number;
        };
        Relationships: [];
      };
      "job_metrics": {
        Row: {
          "backlog": number | null;
          "checkout_sessions_expired_total": number;
          "job": string;
          "job_execution_time": number | null;
          "last_execution_time": string | null;
          "last_success_time": string | null;
          "late_payments_total": number;
          "oldest_due_at": string | null;
          "orders_paid_total": number;
          "orders_quarantined_total": number;
          "orders_retried_total": number;
          "orders_waiting_total": number;
          "payment_intents_canceled_total": number;
          "payments_expired_total": number;
          "payments_kept_total": number;
          "runs_failed_total": number;
          "runs_total": number;
          "stock_released_total": number;
        };
        ComputedFields: never;
        Insert: {
          "backlog"?: number | null;
          "checkout_sessions_expired_total"?: number;
          "job": string;
          "job_execution_time"?: number | null;
          "last_execution_time"?: string | null;
          "last_success_time"?: string | null;
          "late_payments_total"?: number;
          "oldest_due_at"?: string | null;
          "orders_paid_total"?: number;
          "orders_quarantined_total"?: number;
          "orders_retried_total"?: number;
          "orders_waiting_total"?: number;
          "payment_intents_canceled_total"?: number;
          "payments_expired_total"?: number;
          "payments_kept_total"?: number;
          "runs_failed_total"?: number;
          "runs_total"?: number;
          "stock_released_total"?: number;
        };
        Update: {
          "backlog"?: number | null;
          "checkout_sessions_expired_total"?: number;
          "job"?: string;
          "job_execution_time"?: number | null;
          "last_execution_time"?: string | null;
          "last_success_time"?: string | null;
          "late_payments_total"?: number;
          "oldest_due_at"?: string | null;
          "orders_paid_total"?: number;
          "orders_quarantined_total"?: number;
          "orders_retried_total"?: number;
          "orders_waiting_total"?: number;
          "payment_intents_canceled_total"?: number;
          "payments_expired_total"?: number;
          "payments_kept_total"?: number;
          "runs_failed_total"?: number;
          "runs_total"?: number;
          "stock_released_total"?: number;
        };
        Relationships: [];
      };
      "job_metrics_daily": {
        Row: {
          "checkout_sessions_expired": number;
          "day": string;
          "execution_time": number;
          "job": string;
          "late_payments": number;
          "orders_paid": number;
          "orders_quarantined": number;
          "orders_retried": number;
          "orders_waiting": number;
          "payment_intents_canceled": number;
          "payments_expired": number;
          "payments_kept": number;
          "runs": number;
          "runs_failed": number;
          "stock_released": number;
        };
        ComputedFields: never;
        Insert: {
          "checkout_sessions_expired"?: number;
          "day": string;
          "execution_time"?: number;
          "job": string;
          "late_payments"?: number;
          "orders_paid"?: number;
          "orders_quarantined"?: number;
          "orders_retried"?: number;
          "orders_waiting"?: number;
          "payment_intents_canceled"?: number;
          "payments_expired"?: number;
          "payments_kept"?: number;
          "runs"?: number;
          "runs_failed"?: number;
          "stock_released"?: number;
        };
        Update: {
          "checkout_sessions_expired"?: number;
          "day"?: string;
          "execution_time"?: number;
          "job"?: string;
          "late_payments"?: number;
          "orders_paid"?: number;
          "orders_quarantined"?: number;
          "orders_retried"?: number;
          "orders_waiting"?: number;
          "payment_intents_canceled"?: number;
          "payments_expired"?: number;
          "payments_kept"?: number;
          "runs"?: number;
          "runs_failed"?: number;
          "stock_released"?: number;
        };
        Relationships: [
          {
            foreignKeyName: "job_metrics_daily_job_fkey";
            columns: ["job"];
            isOneToOne: false;
            referencedRelation: "job_metrics";
            referencedColumns: ["job"];
          },
        ];
      };
      "job_runs": {
        Row: {
          "backlog": number | null;
          "brake_released": boolean;
          "checkout_sessions_expired": number;
          "continues": string | null;
          "created_at": string;
          "dry_run": boolean;
          "duration_ms": number | null;
          "error": string | null;
          "fence": number | null;
          "finished_at": string | null;
          "heartbeat_at": string | null;
          "id": string;
          "item_limit": number | null;
          "job": string;
          "late_payments": number;
          "oldest_due_at": string | null;
          "order_id": string | null;
          "orders_paid": number;
          "orders_quarantined": number;
          "orders_retried": number;
          "orders_waiting": number;
          "payment_intents_canceled": number;
          "payments_expired": number;
          "payments_kept": number;
          "reason": string | null;
          "request_id": number | null;
          "requested_by": string | null;
          "response_error": string | null;
          "response_status": number | null;
          "started_at": string | null;
          "status": string;
          "stock_released": number;
          "stripe_calls": number;
          "stripe_throttled": number;
          "trigger": string;
        };
        ComputedFields: never;
        Insert: {
          "backlog"?: number | null;
          "brake_released"?: boolean;
          "checkout_sessions_expired"?: number;
          "continues"?: string | null;
          "created_at"?: string;
          "dry_run"?: boolean;
          "duration_ms"?: number | null;
          "error"?: string | null;
          "fence"?: number | null;
          "finished_at"?: string | null;
          "heartbeat_at"?: string | null;
          "id"?: string;
          "item_limit"?: number | null;
          "job": string;
          "late_payments"?: number;
          "oldest_due_at"?: string | null;
          "order_id"?: string | null;
          "orders_paid"?: number;
          "orders_quarantined"?: number;
          "orders_retried"?: number;
          "orders_waiting"?: number;
          "payment_intents_canceled"?: number;
          "payments_expired"?: number;
          "payments_kept"?: number;
          "reason"?: string | null;
          "request_id"?: number | null;
          "requested_by"?: string | null;
          "response_error"?: string | null;
          "response_status"?: number | null;
          "started_at"?: string | null;
          "status"?: string;
          "stock_released"?: number;
          "stripe_calls"?: number;
          "stripe_throttled"?: number;
          "trigger": string;
        };
        Update: {
          "backlog"?: number | null;
          "brake_released"?: boolean;
          "checkout_sessions_expired"?: number;
          "continues"?: string | null;
          "created_at"?: string;
          "dry_run"?: boolean;
          "duration_ms"?: number | null;
          "error"?: string | null;
          "fence"?: number | null;
          "finished_at"?: string | null;
          "heartbeat_at"?: string | null;
          "id"?: string;
          "item_limit"?: number | null;
          "job"?: string;
          "late_payments"?: number;
          "oldest_due_at"?: string | null;
          "order_id"?: string | null;
          "orders_paid"?: number;
          "orders_quarantined"?: number;
          "orders_retried"?: number;
          "orders_waiting"?: number;
          "payment_intents_canceled"?: number;
          "payments_expired"?: number;
          "payments_kept"?: number;
          "reason"?: string | null;
          "request_id"?: number | null;
          "requested_by"?: string | null;
          "response_error"?: string | null;
          "response_status"?: number | null;
          "started_at"?: string | null;
          "status"?: string;
          "stock_released"?: number;
          "stripe_calls"?: number;
          "stripe_throttled"?: number;
          "trigger"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "job_runs_continues_fkey";
            columns: ["continues"];
            isOneToOne: false;
            referencedRelation: "job_runs";
            referencedColumns: ["id"];
          },
        ];
      };
      "job_sweeps": {
        Row: {
          "continued_at": string;
          "created_from": string;
          "created_to": string;
          "cursor": string | null;
          "finished_at": string | null;
          "id": number;
          "livemode": boolean;
          "own_payments_seen": number;
          "pages": number;
          "payments_per_second": number | null;
          "payments_seen": number;
          "reached": string;
          "started_at": string;
          "time_left": string | null;
          "worked": string;
        };
        ComputedFields: never;
        Insert: {
          "continued_at": string;
          "created_from": string;
          "created_to": string;
          "cursor"?: string | null;
          "finished_at"?: string | null;
          "id"?: never;
          "livemode": boolean;
          "own_payments_seen"?: number;
          "pages"?: number;
          "payments_per_second"?: number | null;
          "payments_seen"?: number;
          "reached": string;
          "started_at": string;
          "time_left"?: string | null;
          "worked"?: string;
        };
        Update: {
          "continued_at"?: string;
          "created_from"?: string;
          "created_to"?: string;
          "cursor"?: string | null;
          "finished_at"?: string | null;
          "id"?: never;
          "livemode"?: boolean;
          "own_payments_seen"?: number;
          "pages"?: number;
          "payments_per_second"?: number | null;
          "payments_seen"?: number;
          "reached"?: string;
          "started_at"?: string;
          "time_left"?: string | null;
          "worked"?: string;
        };
        Relationships: [];
      };
      "order_payments": {
        Row: {
          "checked_at": string | null;
          "closed_at": string | null;
          "created_at": string;
          "evidence": Json | null;
          "grace_until": string | null;
          "id": string;
          "kind": string;
          "order_id": string;
          "reason": string | null;
          "state": string;
          "stripe_account": string | null;
          "stripe_id": string;
        };
        ComputedFields: never;
        Insert: {
          "checked_at"?: string | null;
          "closed_at"?: string | null;
          "created_at"?: string;
          "evidence"?: Json | null;
          "grace_until"?: string | null;
          "id"?: string;
          "kind": string;
          "order_id": string;
          "reason"?: string | null;
          "state"?: string;
          "stripe_account"?: string | null;
          "stripe_id": string;
        };
        Update: {
          "checked_at"?: string | null;
          "closed_at"?: string | null;
          "created_at"?: string;
          "evidence"?: Json | null;
          "grace_until"?: string | null;
          "id"?: string;
          "kind"?: string;
          "order_id"?: string;
          "reason"?: string | null;
          "state"?: string;
          "stripe_account"?: string | null;
          "stripe_id"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "order_payments_order_id_fkey";
            columns: ["order_id"];
            isOneToOne: false;
            referencedRelation: "orders";
            referencedColumns: ["id"];
          },
        ];
      };
      "orders": {
        Row: {
          "amount": number;
          "attempt": number;
          "channel": string;
          "claimed_by": string | null;
          "created_at": string;
          "currency": string;
          "expired_at": string | null;
          "expires_at": string;
          "failures": number;
          "grace": string;
          "id": string;
          "next_check_at": string | null;
          "paid_at": string | null;
          "payment_count": number;
          "payment_method": string;
          "status": string;
          "status_reason": string | null;
        };
        ComputedFields: never;
        Insert: {
          "amount": number;
          "attempt"?: number;
          "channel"?: string;
          "claimed_by"?: string | null;
          "created_at"?: string;
          "currency": string;
          "expired_at"?: string | null;
          "expires_at": string;
          "failures"?: number;
          "grace"?: string;
          "id"?: string;
          "next_check_at"?: string | null;
          "paid_at"?: string | null;
          "payment_count"?: number;
          "payment_method"?: string;
          "status"?: string;
          "status_reason"?: string | null;
        };
        Update: {
          "amount"?: number;
          "attempt"?: number;
          "channel"?: string;
          "claimed_by"?: string | null;
          "created_at"?: string;
          "currency"?: string;
          "expired_at"?: string | null;
          "expires_at"?: string;
          "failures"?: number;
          "grace"?: string;
          "id"?: string;
          "next_check_at"?: string | null;
          "paid_at"?: string | null;
          "payment_count"?: number;
          "payment_method"?: string;
          "status"?: string;
          "status_reason"?: string | null;
        };
        Relationships: [];
      };
      "stock_reservations": {
        Row: {
          "closed_at": string | null;
          "order_id": string;
          "quantity": number;
          "sku": string;
          "state": string;
        };
        ComputedFields: never;
        Insert: {
          "closed_at"?: string | null;
          "order_id": string;
          "quantity": number;
          "sku": string;
          "state"?: string;
        };
        Update: {
          "closed_at"?: string | null;
          "order_id"?: string;
          "quantity"?: number;
          "sku"?: string;
          "state"?: string;
        };
        Relationships: [
          {
            foreignKeyName: "stock_reservations_order_id_fkey";
            columns: ["order_id"];
            isOneToOne: false;
            referencedRelation: "orders";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "stock_reservations_sku_fkey";
            columns: ["sku"];
            isOneToOne: false;
            referencedRelation: "inventory";
            referencedColumns: ["sku"];
          },
        ];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      "attach_payment": {
        Args: {
          "p_expires_at"?: string;
          "p_kind": string;
          "p_now"?: string;
          "p_order_id": string;
          "p_stripe_account"?: string;
          "p_stripe_id": string;
        };
        Returns: {
          "checked_at": string | null;
          "closed_at": string | null;
          "created_at": string;
          "evidence": Json | null;
          "grace_until": string | null;
          "id": string;
          "kind": string;
          "order_id": string;
          "reason": string | null;
          "state": string;
          "stripe_account": string | null;
          "stripe_id": string;
        };
        SetofOptions: {
          from: "*";
          to: "order_payments";
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      "jobs_begin_run": {
        Args: {
          "p_dry_run"?: boolean;
          "p_job": string;
          "p_limit"?: number;
          "p_now"?: string;
          "p_reason"?: string;
          "p_release_brake"?: boolean;
          "p_requested_by"?: string;
          "p_run_id": string;
          "p_trigger": string;
        };
        Returns: Json;
      };
      "jobs_claim_orders": {
        Args: { "p_fence": number; "p_limit": number; "p_now"?: string; "p_run_id": string };
        Returns: Json;
      };
      "jobs_claim_without_payments": {
        Args: { "p_fence": number; "p_limit": number; "p_now"?: string; "p_run_id": string };
        Returns: Json;
      };
      "jobs_continue_run": { Args: { "p_now"?: string; "p_run_id": string }; Returns: string };
      "jobs_count_intents": { Args: { "p_from": (string)[]; "p_to": (string)[] }; Returns: Json };
      "jobs_declare_dead": {
        Args: {
          "p_actor": string;
          "p_now"?: string;
          "p_reason": string;
          "p_stripe_account": string;
          "p_stripe_id": string;
        };
        Returns: Json;
      };
      "jobs_expire_without_payments": {
        Args: { "p_fence": number; "p_limit": number; "p_now"?: string; "p_run_id": string };
        Returns: Json;
      };
      "jobs_finish_run": {
        Args: {
          "p_error"?: string;
          "p_now"?: string;
          "p_run_id": string;
          "p_status": string;
          "p_stripe_calls"?: number;
          "p_stripe_throttled"?: number;
        };
        Returns: Json;
      };
      "jobs_health": { Args: { "p_now"?: string }; Returns: Json };
      "jobs_inspect": { Args: { "p_asked"?: Json; "p_now"?: string }; Returns: Json };
      "jobs_inspect_payments": { Args: { "p_livemode": boolean; "p_now"?: string; "p_payments": Json }; Returns: Json };
      "jobs_next_slice": {
        Args: { "p_fence": number; "p_livemode": boolean; "p_now"?: string; "p_run_id": string };
        Returns: Json;
      };
      "jobs_plan_ends": {
        Args: { "p_fence": number; "p_livemode": boolean; "p_now"?: string; "p_payments": Json; "p_run_id": string };
        Returns: Json;
      };
      "jobs_preview_orders": { Args: { "p_limit": number; "p_now"?: string }; Returns: Json };
      "jobs_preview_slice": {
        Args: { "p_livemode": boolean; "p_now"?: string; "p_walked_from": string; "p_walked_to": string };
        Returns: Json;
      };
      "jobs_redrive_order": {
        Args: { "p_now"?: string; "p_order_id": string; "p_reason": string; "p_requested_by": string };
        Returns: Json;
      };
      "jobs_report_throttle": {
        Args: { "p_endpoint": string; "p_livemode": boolean; "p_now"?: string; "p_scope": string };
        Returns: undefined;
      };
      "jobs_reserve_calls": {
        Args: { "p_count": number; "p_endpoint": string; "p_livemode": boolean; "p_now"?: string };
        Returns: Json;
      };
      "jobs_resolve_alert": {
        Args: { "p_id": number; "p_now"?: string; "p_reason": string; "p_requested_by": string };
        Returns: Json;
      };
      "jobs_schedule": { Args: { "p_now"?: string }; Returns: Json };
      "jobs_settle_orders": {
        Args: { "p_decisions": Json; "p_fence": number; "p_now"?: string; "p_run_id": string };
        Returns: Json;
      };
      "jobs_settle_payments": {
        Args: {
          "p_decisions": Json;
          "p_fence": number;
          "p_livemode": boolean;
          "p_now"?: string;
          "p_page"?: Json;
          "p_run_id": string;
        };
        Returns: Json;
      };
      "jobs_stale_payments": {
        Args: { "p_due_by": string; "p_limit": number; "p_livemode": boolean; "p_now"?: string };
        Returns: Json;
      };
      "jobs_sync_order": {
        Args: { "p_now"?: string; "p_order_id": string; "p_reason": string; "p_requested_by": string };
        Returns: Json;
      };
      "mark_order_paid": { Args: { "p_now"?: string; "p_order_id": string; "p_stripe_id": string }; Returns: string };
      "place_order": {
        Args: {
          "p_amount": number;
          "p_channel"?: string;
          "p_currency": string;
          "p_expires_at"?: string;
          "p_items": Json;
          "p_now"?: string;
          "p_order_id"?: string;
          "p_payment_method"?: string;
        };
        Returns: {
          "amount": number;
          "attempt": number;
          "channel": string;
          "claimed_by": string | null;
          "created_at": string;
          "currency": string;
          "expired_at": string | null;
          "expires_at": string;
          "failures": number;
          "grace": string;
          "id": string;
          "next_check_at": string | null;
          "paid_at": string | null;
          "payment_count": number;
          "payment_method": string;
          "status": string;
          "status_reason": string | null;
        };
        SetofOptions: {
          from: "*";
          to: "orders";
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof (
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
      & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
    )
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals } ? (
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    & DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"]
  )[TableName] extends {
    Row: infer R;
  } ? R
  : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R;
    } ? R
    : never
  : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
    Insert: infer I;
  } ? I
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I;
    } ? I
    : never
  : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
    Update: infer U;
  } ? U
  : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U;
    } ? U
    : never
  : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  } ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never;

export const Constants = {
  "public": {
    Enums: {},
  },
} as const;
